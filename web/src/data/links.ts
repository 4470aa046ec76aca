/** Addresses of pages: `#/p/PROJECT/PAGE/REST`. */

export type PageName =
  | 'template'
  | 'annotate'
  | 'health'
  | 'train'
  | 'evaluate'
  | 'inspect'
  | 'deploy'
  | 'quality'
  | 'drift';

export type Route =
  | { readonly kind: 'home' }
  | { readonly kind: 'administration'; readonly rest: string }
  | {
      readonly kind: 'project';
      readonly projectId: string;
      readonly page: PageName;
      readonly rest: string;
    };

export const PAGES: readonly PageName[] = [
  'template',
  'annotate',
  'health',
  'train',
  'evaluate',
  'inspect',
  'deploy',
  'quality',
  'drift',
];

export function routeOf(hash: string): Route {
  const [first = '', second = '', third = '', ...rest] = hash.replace(/^#\/?/, '').split('/');
  if (first === 'administration')
    return { kind: 'administration', rest: [second, third, ...rest].filter(Boolean).join('/') };
  if (first !== 'p' || !second) return { kind: 'home' };
  const page = PAGES.find((name) => name === third) ?? 'template';
  return { kind: 'project', projectId: second, page, rest: rest.join('/') };
}

export function pageLink(projectId: string, page: PageName, rest = ''): string {
  return `#/p/${projectId}/${page}${rest && `/${rest}`}`;
}
