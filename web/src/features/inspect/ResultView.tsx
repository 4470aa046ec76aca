import type { ReactNode } from 'react';
import type { InspectionOut } from '../../api/schema';
import { BigVerdict } from '../../components/BigVerdict';
import { contentOf } from '../../data/inspectionContent';
import { t } from '../../texts';
import { InspectionPicture } from './InspectionPicture';
import { RegionTable } from './RegionTable';

type ResultViewProps = {
  readonly inspection: InspectionOut;
  /** The picture's name where one is known. */
  readonly name?: string;
  readonly children?: ReactNode;
};

/** Everything that is said of one picture. */
export function ResultView({ inspection, name, children }: ResultViewProps) {
  const texts = t.inspect.result;
  const of = name ?? inspection.part_id ?? t.common.date(inspection.created_s);
  const facts = [
    [texts.score, texts.scoreOf(inspection.deviation_score)],
    [texts.part, inspection.part_id],
    [texts.line, inspection.line],
    [texts.model, String(inspection.model_number)],
    [texts.time, t.common.date(inspection.created_s)],
    [t.inspect.list.columns.review, reviewOf(inspection)],
    [texts.reason, inspection.reason],
  ].filter(([, value]) => value);
  return (
    <section className="result" aria-label={texts.label(t.common.verdicts[inspection.verdict], of)}>
      <header className="result-head">
        <BigVerdict verdict={inspection.verdict} />
        <dl className="facts">
          {facts.map(([label, value]) => (
            <div key={label}>
              <dt>{label}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        {children}
      </header>
      <InspectionPicture inspection={inspection} of={of} />
      <div className="result-regions">
        <RegionTable regions={contentOf(inspection).regions} />
      </div>
    </section>
  );
}

const reviewOf = ({ review, reviewed_by }: InspectionOut): string | null =>
  review && t.inspect.result.reviewed(review, reviewed_by ?? '');
