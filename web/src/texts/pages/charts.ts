/** Texts of charts. */
export const charts = {
  asTable: 'As a table',
  images: 'images',
};
