/** Thresholds that are moved while figures and pictures follow. */

import { useDeferredValue, useMemo } from 'react';
import type { ModelOut, VersionOut } from '../../api/schema';
import { t } from '../../texts';
import { CostsPanel } from './CostsPanel';
import type { CostInput } from './costs';
import { Disagreements } from './Disagreements';
import { countsOf, disagreements, judge, type Points, ratesOf, rocOf } from './decide';
import type { Evaluation } from './payload';
import { RatesPanel } from './RatesPanel';
import { RocPanel } from './RocPanel';
import { SavePanel } from './SavePanel';
import { ScoresPanel } from './ScoresPanel';

type ThresholdsViewProps = {
  readonly model: ModelOut;
  /** The model whose evaluation this is; its scores are the same. */
  readonly measured: ModelOut;
  readonly version: VersionOut;
  readonly evaluation: Evaluation;
  readonly onModel: (id: string) => void;
  readonly points: Points;
  readonly onPoints: (points: Points) => void;
  readonly costs: CostInput;
  readonly onCosts: (costs: CostInput) => void;
};

export function ThresholdsView(props: ThresholdsViewProps) {
  const { model, measured, version, evaluation, onModel, points, costs } = props;
  const { images } = evaluation;
  const judgedBy = useMemo(
    () => ({ review: measured.t_review, ng: measured.t_ng }),
    [measured.t_review, measured.t_ng],
  );
  const judged = useMemo(() => judge(images, points, judgedBy), [images, points, judgedBy]);
  const [good, bad] = [countsOf(judged, 'ok'), countsOf(judged, 'ng')];
  const roc = useMemo(() => rocOf(images), [images]);
  const shown = useDeferredValue(judged);
  const wrong = useMemo(() => disagreements(shown, points), [shown, points]);
  const rates = ratesOf(good, bad);
  const isOwn = points.review === model.t_review && points.ng === model.t_ng;
  return (
    <div className="evaluate">
      <div className="evaluate-main">
        <ScoresPanel
          {...{ images, points, isOwn }}
          onPoints={props.onPoints}
          onBack={() => props.onPoints({ review: model.t_review, ng: model.t_ng })}
        />
        <Disagreements wrong={wrong} modelId={measured.id} points={points} />
      </div>
      <div className="evaluate-side">
        <RatesPanel {...{ good, bad, rates }} auroc={evaluation.auroc} />
        <SavePanel {...{ model, version, points, isOwn, onModel }} tested={images.length} />
        <CostsPanel {...{ costs, good, bad, model, version, onModel }} onCosts={props.onCosts} />
        <RocPanel roc={roc} rates={rates} />
        {evaluation.leftOut > 0 && (
          <p className="quiet">{t.evaluate.leftOut(evaluation.leftOut)}</p>
        )}
        {evaluation.unread.length > 0 && (
          <details className="quiet">
            <summary>{t.evaluate.unread(evaluation.unread.length)}</summary>
            <ul>
              {evaluation.unread.map((one) => (
                <li key={one.image}>{one.message}</li>
              ))}
            </ul>
          </details>
        )}
      </div>
    </div>
  );
}
