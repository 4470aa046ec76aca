/** Texts of the page. */
export const train = {
  empty: {
    title: 'No dataset version yet',
    text: 'A model learns from 5 normals or more in each region. Annotate images and check them first.',
    action: 'Go to Annotate',
  },
};
