/** Texts of the page. */
export const inspect = {
  empty: {
    title: 'No approved model yet',
    text: 'Images are inspected by the approved model. Evaluate a model and approve it under Deploy.',
    action: 'Go to Deploy',
  },
};
