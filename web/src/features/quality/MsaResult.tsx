/** A study of the measurement system in its words, and its appraisers as a table. */

import { type Column, Table } from '../../components/Table';
import { t } from '../../texts';
import type { Appraiser, MsaPayload, Rate, StudyVerdict } from './payloads';

const texts = t.quality.msa;
const BADGES: Readonly<Record<StudyVerdict, string>> = {
  pass: 'enough',
  marginal: 'short',
  fail: 'missed',
};
const SYSTEM = 'offspec';
const RATES = ['effectiveness', 'miss_rate', 'false_alarm_rate', 'repeatability'] as const;

const interval = ({ value, low, high }: Pick<Rate, 'value' | 'low' | 'high'>) =>
  texts.interval(t.common.percent(value), t.common.percent(low), t.common.percent(high));

const nameOf = (one: Appraiser) => (one.appraiser === SYSTEM ? texts.system_name : one.appraiser);

export function MsaResult({ found }: { readonly found: MsaPayload }) {
  const columns: readonly Column<Appraiser>[] = [
    { key: 'appraiser', name: texts.columns.appraiser, cell: nameOf },
    {
      key: 'verdict',
      name: texts.columns.verdict,
      cell: (one) => <VerdictChip verdict={one.verdict} />,
    },
    ...RATES.map(
      (key): Column<Appraiser> => ({
        key,
        name: texts.columns[key],
        isNumber: true,
        cell: (one) => interval(one[key]),
      }),
    ),
    {
      key: 'kappa',
      name: texts.columns.kappa,
      isNumber: true,
      cell: ({ kappa_reference: kappa }) =>
        kappa === null
          ? ''
          : texts.interval(kappa.value.toFixed(2), kappa.low.toFixed(2), kappa.high.toFixed(2)),
    },
  ];
  return (
    <>
      <p>
        <VerdictChip verdict={found.verdict} /> <strong>{texts.headlines[found.verdict]}</strong>{' '}
        {texts.partsOf(found.parts.good, found.parts.bad)}{' '}
        {texts.discordant(found.discordant.length)}
      </p>
      <div className="wide-table">
        <Table
          caption={texts.table(t.common.percent(found.confidence))}
          columns={columns}
          rows={found.appraisers}
          rowKey={(one) => one.appraiser}
        />
      </div>
      <h3>{texts.words}</h3>
      {found.appraisers.map((one) => (
        <div key={one.appraiser}>
          <strong>{nameOf(one)}</strong>
          <Sentences lines={one.words} />
        </div>
      ))}
      {found.notes.length > 0 && (
        <>
          <h3>{texts.notes}</h3>
          <Sentences lines={found.notes} />
        </>
      )}
    </>
  );
}

function VerdictChip({ verdict }: { readonly verdict: StudyVerdict }) {
  return <span className={`badge badge-${BADGES[verdict]}`}>{texts.verdicts[verdict]}</span>;
}

export function Sentences({ lines }: { readonly lines: readonly string[] }) {
  return (
    <ul className="study-words">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}
