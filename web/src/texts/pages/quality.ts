/** Texts of the page. */
export const quality = {
  empty: {
    title: 'No inspections to report yet',
    text: 'Reports, studies and rates over time come from inspections and reviews.',
    action: 'Go to Inspect and review',
  },
};
