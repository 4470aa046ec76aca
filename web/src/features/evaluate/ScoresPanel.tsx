/** Scores of normals and defects, and both thresholds. */

import { useMemo, useState } from 'react';
import { Button } from '../../components/Button';
import { Histogram } from '../../components/charts/Histogram';
import { ChoiceField, TextField } from '../../components/Field';
import { t } from '../../texts';
import { LEAST, MOST, moved, type Points } from './decide';
import { type Label, regionsOf, scoreOf, type Tested } from './payload';

const WHOLE = '';
const STEP = 0.005;

type ScoresPanelProps = {
  readonly images: readonly Tested[];
  readonly points: Points;
  readonly isOwn: boolean;
  readonly isProvisional: boolean;
  readonly onPoints: (points: Points) => void;
  readonly onBack: () => void;
};

export function ScoresPanel(props: ScoresPanelProps) {
  const { images, points, isOwn, isProvisional, onPoints, onBack } = props;
  const [region, setRegion] = useState(WHOLE);
  const texts = t.evaluate.scores;
  const regions = useMemo(() => regionsOf(images), [images]);
  const scores = useMemo(() => {
    const of = (label: Label) =>
      images
        .filter((one) => one.label === label)
        .flatMap((one) => scoreOf(one, region || null) ?? []);
    return { ok: of('ok'), ng: of('ng') };
  }, [images, region]);
  const notJudged = images.length - scores.ok.length - scores.ng.length;
  const handle = (which: keyof Points, tone: 'warn' | 'bad') => ({
    name: texts[which],
    value: points[which],
    valueText: texts.valueText(points[which].toFixed(3)),
    least: LEAST,
    most: MOST,
    step: STEP,
    tone,
    onChange: (to: number) => onPoints(moved(points, which, to)),
  });
  return (
    <section className="panel" aria-label={texts.title}>
      <div className="panel-head">
        <h2>{texts.title}</h2>
        {regions.length > 1 && (
          <ChoiceField
            label={texts.region}
            value={region}
            options={[WHOLE, ...regions.map((one) => one.id)]}
            names={Object.fromEntries([
              [WHOLE, texts.whole],
              ...regions.map((one) => [one.id, one.name]),
            ])}
            onChange={setRegion}
          />
        )}
      </div>
      <Histogram
        title={texts.title}
        isTitleHidden
        xLabel={texts.axis}
        domain={[0, 1]}
        bins={50}
        height={300}
        look="mirrored"
        groups={[
          { key: 'ok', name: texts.normals, tone: 'ok', values: scores.ok },
          {
            key: 'ng',
            name: region ? texts.defectiveImages : texts.defects,
            tone: 'ng',
            values: scores.ng,
          },
        ]}
        handles={[handle('review', 'warn'), handle('ng', 'bad')]}
      />
      <div className="threshold-fields">
        <PointField which="review" label={texts.reviewField} {...{ points, onPoints }} />
        <PointField which="ng" label={texts.ngField} {...{ points, onPoints }} />
        <Button
          disabled={points.review === points.ng}
          onClick={() => onPoints({ review: points.review, ng: points.review })}
        >
          {texts.single}
        </Button>
        <Button look="quiet" icon="undo" disabled={isOwn} onClick={onBack}>
          {texts.back}
        </Button>
      </div>
      <p className="quiet">
        {texts.help}
        {region !== WHOLE && ` ${texts.regionNote}`}
        {notJudged > 0 && ` ${texts.invalid(notJudged)}`}
        {isProvisional && ` ${texts.provisional}`}
      </p>
    </section>
  );
}

type PointFieldProps = {
  readonly which: keyof Points;
  readonly label: string;
  readonly points: Points;
  readonly onPoints: (points: Points) => void;
};

function PointField({ which, label, points, onPoints }: PointFieldProps) {
  const [isWrong, setWrong] = useState(false);
  return (
    <TextField
      label={label}
      value={points[which].toFixed(3)}
      inputMode="decimal"
      error={isWrong ? t.evaluate.scores.error : null}
      onChange={(text) => {
        const to = Number(text.trim().replace(',', '.'));
        const isRight = to >= LEAST && to <= MOST;
        setWrong(!isRight);
        if (isRight) onPoints(moved(points, which, to));
      }}
    />
  );
}
