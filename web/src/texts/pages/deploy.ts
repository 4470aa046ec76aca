/** Texts of the page. */
export const deploy = {
  empty: {
    title: 'No model to approve yet',
    text: 'Train and evaluate a model. Then compare it here with the one in use and approve it.',
    action: 'Go to Evaluate',
  },
};
