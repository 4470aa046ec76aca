/** The words of a comparison, its rates, and the images whose decision changed. */

import { type Column, Table } from '../../components/Table';
import { VerdictBadge } from '../../components/VerdictBadge';
import { thumbnailUrl } from '../../data/images';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import { plainName, type Verdict } from './payload';

type PairedRate = {
  readonly old: number;
  readonly new: number;
  readonly difference: number;
  readonly low: number;
  readonly high: number;
};

type Side = { readonly verdict: Verdict; readonly deviation_score: number | null };

type Flip = {
  readonly image: string;
  readonly label: 'ok' | 'ng';
  readonly old: Side;
  readonly new: Side;
  readonly better: boolean;
};

export type Comparison = {
  readonly decision: keyof typeof t.evaluate.compare.headings;
  readonly words: readonly string[];
  readonly notes: readonly string[];
  readonly detection: PairedRate | null;
  readonly false_stops: PairedRate | null;
  readonly flips: readonly Flip[];
  readonly left_out: number;
  readonly image_ids?: Readonly<Record<string, string>>;
};

const LOOK = {
  not_worse: 'badge-enough',
  worse: 'badge-missed',
  undecided: 'badge-short',
} as const;

export function ComparisonView({ comparison }: { readonly comparison: Comparison }) {
  const texts = t.evaluate.compare;
  const rows = [
    { name: texts.detection, rate: comparison.detection },
    { name: texts.falseStops, rate: comparison.false_stops },
  ].flatMap(({ name, rate }): RateRow[] => (rate ? [{ name, rate }] : []));
  return (
    <>
      <section className="panel" aria-label={texts.caption}>
        <h2>
          <span className={`badge ${LOOK[comparison.decision]}`}>
            {texts.headings[comparison.decision]}
          </span>
        </h2>
        {[...comparison.words, ...comparison.notes].map((words) => (
          <p key={words}>{words}</p>
        ))}
        {comparison.left_out > 0 && <p>{t.evaluate.leftOut(comparison.left_out)}</p>}
        <Table
          caption={texts.caption}
          isCaptionHidden
          columns={COLUMNS}
          rows={rows}
          rowKey={(row) => row.name}
        />
      </section>
      <section className="panel" aria-label={texts.flips}>
        <h2>{texts.flips}</h2>
        {comparison.flips.length === 0 && <p className="quiet">{texts.noFlips}</p>}
        <ul className="disagreements">
          {comparison.flips.map((flip) => (
            <li key={flip.image}>
              <FlipCard flip={flip} imageId={comparison.image_ids?.[flip.image] ?? null} />
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

function FlipCard({ flip, imageId }: { readonly flip: Flip; readonly imageId: string | null }) {
  const { id: projectId } = useProject();
  const texts = t.evaluate.compare;
  const { verdicts } = t.common;
  return (
    <div className="disagreement">
      {imageId && <img src={thumbnailUrl(projectId, imageId)} alt="" loading="lazy" />}
      <span className="disagreement-kind">
        <strong>{flip.better ? texts.better : texts.worse}</strong>
        <span aria-hidden="true">
          <VerdictBadge verdict={flip.old.verdict} /> <VerdictBadge verdict={flip.new.verdict} />
        </span>
      </span>
      <span className="disagreement-name">{plainName(flip.image)}</span>
      <small>
        {texts.labelled[flip.label]};{' '}
        {texts.flip(verdicts[flip.old.verdict], verdicts[flip.new.verdict])}
      </small>
    </div>
  );
}

type RateRow = { readonly name: string; readonly rate: PairedRate };

const { columns } = t.evaluate.compare;
const points = (share: number): string => `${share > 0 ? '+' : ''}${(100 * share).toFixed(1)}`;

const COLUMNS: readonly Column<RateRow>[] = [
  { key: 'rate', name: columns.rate, cell: (row) => row.name },
  {
    key: 'old',
    name: columns.old,
    cell: (row) => t.common.percent(row.rate.old),
    isNumber: true,
  },
  { key: 'new', name: columns.new, cell: (row) => t.common.percent(row.rate.new), isNumber: true },
  {
    key: 'difference',
    name: columns.difference,
    cell: (row) => points(row.rate.difference),
    isNumber: true,
  },
  {
    key: 'interval',
    name: columns.interval,
    cell: (row) => t.evaluate.rates.interval(points(row.rate.low), points(row.rate.high)),
    isNumber: true,
  },
];
