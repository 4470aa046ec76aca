/** Texts of the page that is still to come. */
export const drift = {
  empty: {
    title: 'Drift and refit come with a later version',
    text: 'Rates over time under Quality already show when a line changes. Here the scores of good parts will be compared with those of the fit.',
    action: 'Go to Quality',
  },
};
