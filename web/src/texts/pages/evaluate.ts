/** Texts of the page. */
export const evaluate = {
  empty: {
    title: 'No model to evaluate yet',
    text: 'Train a model. Then you see the scores of normals and defects here and set the threshold.',
    action: 'Go to Train',
  },
};
