/** Texts of signing in and out. */
export const session = {
  title: 'Sign in',
  name: 'Name',
  password: 'Password',
  signIn: 'Sign in',
  signOut: 'Sign out',
  ended: (name: string) =>
    `The session of ${name} has ended. Sign in again to go on where you were.`,
  hadEnded: 'The session had ended. Try again.',
  first: 'The first start of the server prints the password of admin in its window.',
  account: 'My account',
  accountOf: (name: string) => `My account: ${name}`,
  passwordTitle: 'Change my password',
  passwordAbout: 'Sessions elsewhere, such as on another computer, end with it.',
  oldPassword: 'Password until now',
  newPassword: 'New password',
  again: 'New password once more',
  differ: 'The two are not the same.',
  change: 'Change password',
  changed: 'Your password is changed.',
  roles: { admin: 'Administrator', engineer: 'Engineer', quality: 'Quality', operator: 'Operator' },
};
