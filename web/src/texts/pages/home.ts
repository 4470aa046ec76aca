/** Texts of the list of projects. */
export const home = {
  title: 'Projects',
  emptyTitle: 'Start with a project',
  emptyText:
    'One project is one product at one station: its template, its images, its models and what they found.',
  name: 'Name of the new project',
  create: 'Create project',
  open: (name: string) => `Open ${name}`,
  created: 'Created',
  archived: 'archived',
};
