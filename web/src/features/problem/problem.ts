/** The form of a problem statement: read what the server keeps, write what it takes. */

export const COSTS = ['cost_miss', 'cost_false_alarm', 'cost_review'] as const;
export const RATES = ['defect_rate', 'false_alarm_rate'] as const;
export const LINE = ['parts_per_minute', 'latency_ms', 'cores'] as const;
export const COUNTS = ['normals', 'defects'] as const;

export const TASKS = ['open', 'flag', 'locate'] as const;
export const KINDS = ['open', 'object', 'texture', 'auto'] as const;
export const IMAGING = ['open', 'controlled', 'variable'] as const;

export type NumberAnswer =
  | (typeof COSTS)[number]
  | (typeof RATES)[number]
  | (typeof LINE)[number]
  | (typeof COUNTS)[number]
  | 'smallest_defect';

export type Answers = { readonly [name in NumberAnswer]: number | null } & {
  readonly currency: string;
  readonly task: (typeof TASKS)[number];
  readonly kind: (typeof KINDS)[number];
  readonly imaging: (typeof IMAGING)[number];
};

const NUMBERS: readonly NumberAnswer[] = [
  ...COSTS,
  ...RATES,
  ...LINE,
  ...COUNTS,
  'smallest_defect',
];

/** A line of the catalogue; `key` is of the form alone. */
export type DefectLine = {
  readonly key: number;
  readonly type: string;
  readonly words: string;
  /** What the form does not show and keeps: example images by grade. */
  readonly examples: Readonly<Record<string, unknown>>;
};

export type HarmlessLine = {
  readonly key: number;
  readonly words: string;
  readonly images: readonly unknown[];
};

export type Form = {
  readonly answers: Answers;
  readonly defects: readonly DefectLine[];
  readonly harmless: readonly HarmlessLine[];
};

type Content = Readonly<Record<string, unknown>>;

const contentOf = (value: unknown): Content =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Content) : {};
const listOf = (value: unknown): readonly Content[] =>
  Array.isArray(value) ? value.map(contentOf) : [];
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const oneOf = <T extends string>(options: readonly T[], value: unknown): T =>
  options.find((option) => option === value) ?? (options[0] as T);

export function readProblem(content: Content): Form {
  const given = contentOf(content.answers);
  const numbers = Object.fromEntries(
    NUMBERS.map((name) => [name, typeof given[name] === 'number' ? given[name] : null]),
  ) as { [name in NumberAnswer]: number | null };
  return {
    answers: {
      ...numbers,
      currency: textOf(given.currency),
      task: oneOf(TASKS, given.task),
      kind: oneOf(KINDS, given.kind),
      imaging: oneOf(IMAGING, given.imaging),
    },
    defects: listOf(content.defects).map(({ type, words, ...examples }, key) => ({
      key,
      type: textOf(type),
      words: textOf(words),
      examples,
    })),
    harmless: listOf(content.not_a_defect).map((one, key) => ({
      key,
      words: textOf(one.words),
      images: Array.isArray(one.images) ? one.images : [],
    })),
  };
}

/** Open answers are left out, and so are lines that hold nothing. */
export function writeProblem({ answers, defects, harmless }: Form): Record<string, unknown> {
  const { currency, task, kind, imaging, ...numbers } = answers;
  const words = { currency: currency.trim(), task, kind, imaging };
  const isGiven = ([, value]: readonly [string, unknown]) =>
    value !== null && value !== '' && value !== 'open';
  return {
    format: 1,
    answers: Object.fromEntries(Object.entries({ ...numbers, ...words }).filter(isGiven)),
    defects: defects
      .filter((one) => one.type.trim() || one.words.trim() || exampleCount(one.examples) > 0)
      .map((one) => ({ ...one.examples, type: one.type.trim(), words: one.words.trim() })),
    not_a_defect: harmless
      .filter((one) => one.words.trim() || one.images.length > 0)
      .map((one) => ({ words: one.words.trim(), images: one.images })),
  };
}

export const exampleCount = (examples: Readonly<Record<string, unknown>>): number =>
  Object.values(examples).reduce<number>(
    (n, list) => n + (Array.isArray(list) ? list.length : 0),
    0,
  );

/** Shares are asked for in percent; the rounding takes away what binary fractions leave behind. */
export const toPercent = (share: number | null): number | null =>
  share === null ? null : Math.round(share * 1e8) / 1e6;
export const fromPercent = (percent: number | null): number | null =>
  percent === null ? null : Math.round(percent * 1e6) / 1e8;

/** A key that no line has. */
export const nextKey = (lines: readonly { readonly key: number }[]): number =>
  1 + Math.max(-1, ...lines.map((line) => line.key));
