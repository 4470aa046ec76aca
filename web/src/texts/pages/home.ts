/** Texts of the list of projects. */

import { plural } from '../plural';

export const home = {
  title: 'Projects',
  emptyTitle: 'Start with a project',
  emptyTitleOther: 'No project is yours yet',
  emptyText:
    'One project is one product at one station: its template, its images, its models and what they found.',
  emptyOther: 'An administrator can make you a member of one.',
  allArchived: 'All projects are archived. Show them with the switch above.',
  name: 'Name of the new project',
  create: 'Create project',
  open: (name: string) => `Open ${name}`,
  archived: 'Archived',
  showArchived: (n: number) => `Show archived projects (${n})`,
  images: (n: number) => plural(n, 'image'),
  waits: (n: number) => `${n} ${n === 1 ? 'waits' : 'wait'} for review`,
  nothingWaits: 'Nothing waits for review',
  approved: (number: number) => `Model ${number} in use`,
  noModel: 'No model in use',
  running: (n: number) => `${plural(n, 'job')} running`,
  since: (date: string) => `Since ${date}`,
  rename: (name: string) => `Rename ${name}`,
  renameTitle: 'Rename project',
  newName: 'New name',
  archive: (name: string) => `Archive ${name}`,
  restore: (name: string) => `Take ${name} out of the archive`,
  wasArchived: (name: string) =>
    `${name} is archived. It is kept whole and can be taken out again.`,
  wasRestored: (name: string) => `${name} is out of the archive.`,
};
