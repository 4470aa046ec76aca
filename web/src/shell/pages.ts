import type { IconName } from '../components/Icon';
import type { Texts } from '../texts';

export type PageName = keyof Texts['nav'];

export const GROUPS: readonly {
  readonly name: keyof Texts['groups'];
  readonly pages: readonly PageName[];
}[] = [
  { name: 'prepare', pages: ['template', 'annotate', 'health'] },
  { name: 'model', pages: ['train', 'evaluate'] },
  { name: 'production', pages: ['inspect', 'deploy', 'quality'] },
  { name: 'system', pages: ['administration'] },
];

/** Where the one action of an empty page leads: the step before it. */
export const NEXT: Readonly<Record<Exclude<PageName, 'template'>, PageName>> = {
  annotate: 'template',
  health: 'annotate',
  train: 'annotate',
  evaluate: 'train',
  inspect: 'deploy',
  deploy: 'evaluate',
  quality: 'inspect',
  administration: 'template',
};

export const PAGE_ICONS: Readonly<Record<PageName, IconName>> = {
  template: 'template',
  annotate: 'annotate',
  health: 'health',
  train: 'train',
  evaluate: 'evaluate',
  inspect: 'inspect',
  deploy: 'deploy',
  quality: 'quality',
  administration: 'administration',
};

/** The page that an address such as `#/train` names. */
export function pageOf(hash: string): PageName {
  const name = hash.replace(/^#\/?/, '');
  return name in PAGE_ICONS ? (name as PageName) : 'template';
}
