/** Which time and line, and the same inspections as a table for a spreadsheet. */

import { DayField } from '../../components/DayField';
import { ChoiceField, Segments } from '../../components/Field';
import { useLines } from '../../data/quality';
import { t } from '../../texts';
import { type Asked, RANGES, UNITS } from './rates';

const texts = t.quality.rates;

type RatesFiltersProps = {
  readonly asked: Asked;
  readonly mayHours: boolean;
  readonly onChange: (asked: Asked) => void;
  readonly csvUrl: string;
};

export function RatesFilters({ asked, mayHours, onChange, csvUrl }: RatesFiltersProps) {
  const lines = useLines();
  const set = (more: Partial<Asked>) => onChange({ ...asked, ...more });
  const known = [...new Set([...(asked.line ? [asked.line] : []), ...(lines.data ?? [])])].sort();
  return (
    <search className="filters">
      <Segments
        label={texts.range}
        value={asked.range}
        options={RANGES}
        names={texts.ranges}
        onChange={(range) => set({ range, unit: range === 'day' ? 'hour' : 'day' })}
      />
      {asked.range === 'own' && (
        <>
          <DayField label={texts.from} value={asked.from} onChange={(from) => set({ from })} />
          <DayField label={texts.to} value={asked.to} onChange={(to) => set({ to })} />
        </>
      )}
      {mayHours && (
        <Segments
          label={texts.unit}
          value={asked.unit}
          options={UNITS}
          names={texts.units}
          onChange={(unit) => set({ unit })}
        />
      )}
      {known.length > 0 && (
        <ChoiceField
          label={texts.line}
          value={asked.line}
          options={['', ...known]}
          names={{ ...Object.fromEntries(known.map((name) => [name, name])), '': texts.allLines }}
          onChange={(line) => set({ line })}
        />
      )}
      <a className="button filters-end" href={csvUrl} download>
        {t.quality.csv}
      </a>
    </search>
  );
}
