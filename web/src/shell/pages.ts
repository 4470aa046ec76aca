import type { IconName } from '../components/Icon';
import type { PageName } from '../data/links';
import type { Texts } from '../texts';

export const GROUPS: readonly {
  readonly name: keyof Texts['groups'];
  readonly pages: readonly PageName[];
}[] = [
  { name: 'prepare', pages: ['template', 'annotate', 'health'] },
  { name: 'model', pages: ['train', 'evaluate'] },
  { name: 'production', pages: ['inspect', 'deploy', 'quality', 'drift'] },
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
  drift: 'quality',
};

export const PAGE_ICONS: Readonly<Record<PageName | 'administration', IconName>> = {
  template: 'template',
  annotate: 'annotate',
  health: 'health',
  train: 'train',
  evaluate: 'evaluate',
  inspect: 'inspect',
  deploy: 'deploy',
  quality: 'quality',
  drift: 'drift',
  administration: 'administration',
};
