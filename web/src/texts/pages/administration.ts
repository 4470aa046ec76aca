/** Texts of the page. */
export const administration = {
  empty: {
    title: 'No server connected',
    text: 'Users, tokens, storage and the audit log are kept by the server. Start it with: offspec serve',
    action: 'Go to Template',
  },
};
