/** Texts of the page. */
export const health = {
  empty: {
    title: 'No data to check yet',
    text: 'The check looks for normals that are no good parts, for copies and for leaks. It needs annotated images.',
    action: 'Go to Annotate',
  },
};
