/** Texts of the page. */
export const annotate = {
  empty: {
    title: 'No images to annotate yet',
    text: 'Draw a template first. Then add images of the part: good ones and, if there are any, defects.',
    action: 'Go to Template',
  },
};
