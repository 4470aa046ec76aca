import { plural } from '../plural';

/** Texts of lists of images and of uploads, on every page that has them. */
export const images = {
  all: 'Images of the project',
  search: 'Find by name',
  notFound: 'No image has such a name.',
  none: 'not judged',
  leftOut: 'left out',
  chooseFirst: 'Choose an image first.',
  upload: 'Upload images…',
  mayNotUpload: 'Your role does not upload images. Ask an engineer.',
  uploading: 'Upload',
  uploaded: (sent: string, total: string) => `${sent} of ${total}`,
  reading: 'The server reads the files…',
  stop: 'Stop',
  stopped: 'The upload was stopped. What came before is kept.',
  count: (n: number) => plural(n, 'image'),
};
