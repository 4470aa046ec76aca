import type { Agreement, Reviewer } from '../../api/schema';
import { EmptyState } from '../../components/EmptyState';
import { Problem } from '../../components/Problem';
import { Table } from '../../components/Table';
import { VerdictBadge } from '../../components/VerdictBadge';
import { clopperPearson } from '../../core/binomial';
import { useAgreement } from '../../data/inspections';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { t } from '../../texts';

const VERDICTS = ['ok', 'review', 'ng', 'invalid'] as const;

/** How people's reviews and the model's verdicts meet, with exact intervals. */
export function AgreementView() {
  const { id } = useProject();
  const { data, error, refetch } = useAgreement();
  const texts = t.inspect.agreement;
  if (error) return <Problem error={error} onRetry={() => void refetch()} />;
  if (!data) return <p className="loading">{t.common.loading}</p>;
  if (Object.keys(data.counts).length === 0)
    return (
      <EmptyState icon="evaluate" title={texts.none} text={texts.about}>
        <a className="button button-primary" href={pageLink(id, 'inspect', 'queue')}>
          {texts.noneAction}
        </a>
      </EmptyState>
    );
  return (
    <div className="page-body agreement">
      <section aria-label={texts.title}>
        <h2>{texts.title}</h2>
        <Headline data={data} />
        <p className="field-hint">{texts.about}</p>
      </section>
      <Matrix data={data} />
      <People people={data.by_reviewer} />
      <p className="field-hint">{texts.note}</p>
    </div>
  );
}

function Headline({ data }: { readonly data: Agreement }) {
  const texts = t.inspect.agreement;
  const falseAlarms = data.counts.ng_ok ?? 0;
  const stopped = falseAlarms + (data.counts.ng_ng ?? 0);
  return (
    <>
      {data.rate !== null && data.low !== null && data.high !== null && (
        <p className="agreement-rate">
          <strong>{t.common.percent(data.rate)}</strong> {texts.of(data.agreed, data.judged)}
          {', '}
          {texts.interval(t.common.percent(data.low), t.common.percent(data.high))}
        </p>
      )}
      {falseAlarms > 0 && (
        <p>{texts.false(falseAlarms, t.common.percent(falseAlarms / stopped))}</p>
      )}
    </>
  );
}

function Matrix({ data }: { readonly data: Agreement }) {
  const texts = t.inspect.agreement;
  const count = (model: string, person: string) => data.counts[`${model}_${person}`] ?? 0;
  return (
    <Table
      caption={texts.matrix}
      columns={[
        { key: 'model', name: texts.model, cell: (v) => <VerdictBadge verdict={v} /> },
        { key: 'ok', name: texts.good, isNumber: true, cell: (v) => count(v, 'ok') },
        { key: 'ng', name: texts.bad, isNumber: true, cell: (v) => count(v, 'ng') },
      ]}
      rows={VERDICTS.filter((v) => count(v, 'ok') + count(v, 'ng') > 0)}
      rowKey={(v) => v}
    />
  );
}

function People({ people }: { readonly people: readonly Reviewer[] }) {
  const texts = t.inspect.agreement;
  const between = ({ agreed, judged }: Reviewer) => {
    const found = clopperPearson(agreed, judged);
    return found && `${t.common.percent(found.low)} – ${t.common.percent(found.high)}`;
  };
  return (
    <Table
      caption={texts.people}
      columns={[
        { key: 'name', name: texts.name, cell: (one) => one.name },
        { key: 'judged', name: texts.judged, isNumber: true, cell: (one) => one.judged },
        {
          key: 'share',
          name: texts.share,
          isNumber: true,
          cell: (one) =>
            one.judged > 0 &&
            `${t.common.percent(one.agreed / one.judged)} (${texts.of(one.agreed, one.judged)})`,
        },
        { key: 'between', name: texts.between, isNumber: true, cell: between },
        {
          key: 'speed',
          name: texts.speed,
          isNumber: true,
          cell: (one) => one.median_s !== null && texts.seconds(one.median_s),
        },
      ]}
      rows={people}
      rowKey={(one) => one.name}
    />
  );
}
