/** Counts, and rates with exact intervals. */

import { type Column, Table } from '../../components/Table';
import { t } from '../../texts';
import type { Counts, Rate, Rates } from './decide';

type RatesPanelProps = {
  readonly good: Counts;
  readonly bad: Counts;
  readonly rates: Rates;
  readonly auroc: number | null;
};

type CountRow = { readonly name: string; readonly counts: Counts };
type RateRow = { readonly name: string; readonly rate: Rate };

export function RatesPanel({ good, bad, rates, auroc }: RatesPanelProps) {
  const texts = t.evaluate.rates;
  return (
    <section className="panel" aria-label={texts.title}>
      <h2>{texts.title}</h2>
      <Table
        caption={texts.ratesCaption}
        isCaptionHidden
        columns={RATE_COLUMNS}
        rows={[
          { name: texts.miss, rate: rates.miss },
          { name: texts.falseAlarm, rate: rates.falseAlarm },
          { name: texts.review, rate: rates.review },
        ]}
        rowKey={(row) => row.name}
      />
      <Table
        caption={texts.caption}
        isCaptionHidden
        columns={COUNT_COLUMNS}
        rows={[
          { name: texts.good(good.n), counts: good },
          { name: texts.bad(bad.n), counts: bad },
        ]}
        rowKey={(row) => row.name}
      />
      <p className="quiet">
        {texts.note} {auroc !== null && texts.auroc(auroc.toFixed(4))}
      </p>
    </section>
  );
}

const { rateColumns, columns } = t.evaluate.rates;

const RATE_COLUMNS: readonly Column<RateRow>[] = [
  { key: 'name', name: rateColumns.name, cell: (row) => row.name },
  {
    key: 'value',
    name: rateColumns.value,
    isNumber: true,
    cell: ({ rate }) => (
      <strong>{rate.value === null ? t.evaluate.rates.none : t.common.percent(rate.value)}</strong>
    ),
  },
  {
    key: 'of',
    name: rateColumns.of,
    isNumber: true,
    cell: ({ rate }) => t.evaluate.rates.of(rate.k, rate.n),
  },
  {
    key: 'interval',
    name: rateColumns.interval,
    isNumber: true,
    cell: ({ rate }) =>
      rate.interval &&
      t.evaluate.rates.interval(
        t.common.percent(rate.interval.low),
        t.common.percent(rate.interval.high),
      ),
  },
];

const COUNT_COLUMNS: readonly Column<CountRow>[] = [
  { key: 'what', name: columns.what, cell: (row) => row.name },
  { key: 'ok', name: columns.ok, cell: (row) => row.counts.ok, isNumber: true },
  { key: 'review', name: columns.review, cell: (row) => row.counts.review, isNumber: true },
  { key: 'ng', name: columns.ng, cell: (row) => row.counts.ng, isNumber: true },
  { key: 'invalid', name: columns.invalid, cell: (row) => row.counts.invalid, isNumber: true },
];
