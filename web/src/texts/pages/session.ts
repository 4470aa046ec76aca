/** Texts of signing in and out. */
export const session = {
  title: 'Sign in',
  name: 'Name',
  password: 'Password',
  signIn: 'Sign in',
  signOut: 'Sign out',
  first: 'The first start of the server prints the password of admin in its window.',
  roles: { admin: 'Administrator', engineer: 'Engineer', quality: 'Quality', operator: 'Operator' },
};
