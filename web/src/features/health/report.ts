/** What a check says, as `check --json` writes it, in the order of the page. */

export type Level = 'must' | 'look' | 'note';

export const TOPICS = [
  'unreadable',
  'duplicates',
  'labels',
  'variants',
  'contamination',
  'confounds',
  'sizes',
  'outliers',
  'misaligned',
  'regions',
  'coverage',
] as const;
export type TopicName = (typeof TOPICS)[number];

export type Finding = {
  readonly level: Level;
  readonly topic: TopicName;
  readonly words: string;
  readonly images: readonly string[];
};

export type Compared = {
  readonly image: string;
  readonly z: number;
  readonly region: string;
  readonly place_xy: readonly [number, number];
  readonly flagged: boolean;
};

export type OtherSizes = {
  readonly reference_wh: readonly [number, number];
  readonly images: readonly string[];
};

export type Twins = {
  readonly images: readonly string[];
  readonly kind: 'exact' | 'near';
  readonly leak: boolean;
  readonly contradiction: boolean;
};

export type CoverageRegion = {
  readonly id: string;
  readonly bounds_xywh: readonly [number, number, number, number];
  readonly curve: readonly { normals: number; tail: number; low: number; high: number }[];
  readonly more: number | null;
  readonly map: readonly (readonly number[])[];
};

export type Variant = {
  readonly images: readonly string[];
  readonly by: 'all' | 'structure' | 'colour';
};

export type Confound = {
  readonly what: string;
  readonly separation: number;
  readonly p_value: number;
  readonly good: string;
  readonly bad: string;
};

export type CheckReport = {
  readonly findings: readonly Finding[];
  readonly dataset: {
    readonly normals: number;
    readonly test_good: number;
    readonly test_bad: number;
  };
  readonly contamination: {
    readonly images: readonly Compared[];
    readonly flag_from: number;
    readonly reference: string | null;
  };
  readonly coverage: {
    readonly more: number | null;
    readonly gain: number | null;
    readonly regions: readonly CoverageRegion[];
  };
  readonly variants: readonly Variant[];
  readonly confounds: readonly Confound[];
  readonly circumstances: readonly string[];
  readonly duplicates: readonly Twins[];
  /** Absent in checks of before. */
  readonly other_sizes?: OtherSizes | null;
  readonly notes: readonly string[];
  /** Names in the dataset version to ids of the project. */
  readonly image_ids: Readonly<Record<string, string>>;
};

export type Topic = {
  readonly name: TopicName;
  readonly level: Level | 'calm';
  readonly findings: readonly Finding[];
};

const RANK = { must: 0, look: 1, note: 2, calm: 3 } as const;

/** The worst first; topics that always have something to show are there without a finding too. */
export function topicsOf(report: CheckReport): readonly Topic[] {
  const isShown = (name: TopicName): boolean =>
    (name === 'coverage' && report.coverage.regions.some((one) => one.curve.length > 0)) ||
    (name === 'contamination' && report.contamination.images.length > 0) ||
    (name === 'confounds' && report.circumstances.length > 0 && report.dataset.test_bad > 0);
  return TOPICS.flatMap((name): Topic[] => {
    const findings = report.findings.filter((finding) => finding.topic === name);
    if (findings.length === 0 && !isShown(name)) return [];
    const worst = [...findings].sort((a, b) => RANK[a.level] - RANK[b.level])[0];
    return [{ name, level: worst?.level ?? 'calm', findings }];
  }).sort((a, b) => RANK[a.level] - RANK[b.level]);
}

type Checked = { readonly version: string | null; readonly template: string | null };

/** What has changed since a check: the template, or there is a newer dataset version. */
export function changedSince(
  checked: Readonly<Record<string, unknown>>,
  now: Checked,
): 'template' | 'version' | null {
  if ((checked.template_id ?? null) !== now.template) return 'template';
  return (checked.version_id ?? null) === now.version ? null : 'version';
}

/** Names without the mark that makes them unique in a dataset version; digits inside a name, such as
 * a date, are its own. */
export const plainWords = (words: string): string =>
  words.replace(/(?<![^\s'"“(])[0-9a-f]{12}_(?=\S)/g, '');
