/** How many parts were judged how, by hour or day, and what people said of it. */

import { useState } from 'react';
import type { Agreement, RateOut } from '../../api/schema';
import { StackedBars } from '../../components/charts/StackedBars';
import { EmptyState } from '../../components/EmptyState';
import { Problem } from '../../components/Problem';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { inspectionsCsvUrl, useRates } from '../../data/quality';
import { useSummary } from '../../data/summary';
import { t } from '../../texts';
import { RatesFilters } from './RatesFilters';
import {
  type Asked,
  byUnit,
  canShowHours,
  inspected,
  spanOf,
  timesOf,
  totalOf,
  type Unit,
  VERDICTS,
} from './rates';

const texts = t.quality.rates;
const TONES = { ok: 'ok', review: 'warn', ng: 'ng', invalid: 'muted' } as const;
const START: Asked = { range: 'week', unit: 'day', from: '', to: '', line: '' };

export function RatesTab() {
  const { id } = useProject();
  const summary = useSummary(id);
  if (summary.data?.inspections === 0)
    return (
      <EmptyState icon="quality" title={texts.noneEver} text={texts.noneEverText}>
        <a className="button button-primary" href={pageLink(id, 'inspect')}>
          {t.quality.empty.action}
        </a>
      </EmptyState>
    );
  return <Rates />;
}

function Rates() {
  const { id } = useProject();
  const [asked, setAsked] = useState(START);
  const times = timesOf(asked, new Date());
  const mayHours = times !== null && canShowHours(times);
  const unit = mayHours ? asked.unit : 'day';
  const rates = useRates(
    [asked.range, asked.from, asked.to, times !== null],
    () => spanOf(timesOf(asked, new Date()) ?? [new Date(), new Date()]),
    asked.line,
  );
  const { data } = rates;
  const csv = inspectionsCsvUrl(id, {
    ...(asked.line && { line: asked.line }),
    ...(data && { from_s: data.from_s, to_s: data.to_s }),
  });
  return (
    <div className="tab-body">
      <RatesFilters
        asked={{ ...asked, unit }}
        mayHours={mayHours}
        onChange={setAsked}
        csvUrl={csv}
      />
      {times === null && <p className="field-error">{texts.wrongTimes}</p>}
      {rates.error && <Problem error={rates.error} onRetry={() => void rates.refetch()} />}
      {times !== null && rates.isPending && <p className="field-hint">{t.app.loading}</p>}
      {times !== null && data && (
        <Found
          rows={byUnit(data.rows, data.bucket, unit)}
          unit={unit}
          isUtc={data.bucket === 'day'}
          agreement={data.agreement}
        />
      )}
    </div>
  );
}

type FoundProps = {
  readonly rows: readonly RateOut[];
  readonly unit: Unit;
  readonly isUtc: boolean;
  readonly agreement: Agreement;
};

function Found({ rows, unit, isUtc, agreement }: FoundProps) {
  const total = totalOf(rows);
  if (inspected(total) === 0) return <p role="status">{texts.none}</p>;
  const stack = (row: RateOut, values: readonly number[]) => ({
    key: String(row.start_s),
    ...namesOf(row, unit, isUtc),
    values,
  });
  return (
    <>
      <Figures total={total} />
      <StackedBars
        title={texts.verdicts}
        xLabel={texts.xLabel[unit]}
        yLabel={texts.yLabel}
        height={280}
        series={VERDICTS.map((key) => ({
          key,
          name: t.common.verdicts[key],
          tone: TONES[key],
        }))}
        stacks={rows.map((row) =>
          stack(
            row,
            VERDICTS.map((key) => row[key]),
          ),
        )}
      />
      <StackedBars
        title={texts.reviews}
        xLabel={texts.xLabel[unit]}
        yLabel={texts.yLabel}
        height={170}
        series={[
          { key: 'confirmed', name: texts.reviewSeries.confirmed, tone: 'accent' },
          { key: 'overruled', name: texts.reviewSeries.overruled, tone: 'warn' },
        ]}
        stacks={rows.map((row) => stack(row, [row.reviewed - row.overruled, row.overruled]))}
      />
      <p className="tab-about">{agreementWords(agreement)}</p>
      {isUtc && <p className="field-hint">{texts.utc}</p>}
    </>
  );
}

/** Days of the server are named in its time, all else in the time here. */
function namesOf(row: RateOut, unit: Unit, isUtc: boolean): { name: string; title: string } {
  const at = new Date(1000 * row.start_s);
  if (isUtc) at.setMinutes(at.getMinutes() + at.getTimezoneOffset());
  if (unit === 'day') return { name: texts.dayName(at), title: texts.fullDay(at) };
  return {
    name: at.getHours() === 0 ? texts.dayName(at) : texts.hourName(at),
    title: texts.fullHour(at),
  };
}

function agreementWords({ rate, low, high, judged }: Agreement): string {
  if (rate === null || low === null || high === null) return texts.noAgreement;
  const { percent } = t.common;
  return texts.agreement(percent(rate), percent(low), percent(high), judged);
}

function Figures({ total }: { readonly total: RateOut }) {
  const all = inspected(total);
  const count = (n: number) => n.toLocaleString('en-GB');
  const names = texts.figures;
  return (
    <dl className="figures">
      <Figure name={names.inspected} value={count(all)} />
      {VERDICTS.map((key) => (
        <Figure
          key={key}
          name={names[key]}
          value={count(total[key])}
          note={t.common.percent(total[key] / all)}
        />
      ))}
      <Figure
        name={names.reviewed}
        value={count(total.reviewed)}
        note={t.common.percent(total.reviewed / all)}
      />
      <Figure
        name={names.overruled}
        value={count(total.overruled)}
        note={
          total.reviewed > 0
            ? texts.ofReviewed(t.common.percent(total.overruled / total.reviewed))
            : ''
        }
      />
    </dl>
  );
}

type FigureProps = { readonly name: string; readonly value: string; readonly note?: string };

export function Figure({ name, value, note }: FigureProps) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong> {note && <span>{note}</span>}
      </dd>
    </div>
  );
}
