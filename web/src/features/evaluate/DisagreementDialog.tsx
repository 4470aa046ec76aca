/** One image large, with what the model sees, and the way to correct its label. */

import { useState } from 'react';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { CheckField } from '../../components/Field';
import { VerdictBadge } from '../../components/VerdictBadge';
import { useImage, viewUrl } from '../../data/images';
import { pageLink } from '../../data/links';
import { heatUrl } from '../../data/models';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import { type Disagreement, type Points, verdictOf } from './decide';
import { plainName, type Tested } from './payload';

type DisagreementDialogProps = {
  readonly wrong: Disagreement;
  readonly modelId: string;
  readonly points: Points;
  readonly isProvisional: boolean;
  readonly onClose: () => void;
  readonly onStep: (by: 1 | -1) => void;
};

export function DisagreementDialog(props: DisagreementDialogProps) {
  const { wrong, modelId, points, isProvisional, onClose, onStep } = props;
  const { id: projectId } = useProject();
  const { one, verdict, kind } = wrong;
  const [hasHeat, setHeat] = useState(true);
  const [hasOutlines, setOutlines] = useState(true);
  const texts = t.evaluate.detail;
  const name = plainName(one.image);
  return (
    <Dialog
      title={`${t.evaluate.gallery.kinds[kind]}: ${name}`}
      onClose={onClose}
      actions={
        <>
          <Button look="quiet" onClick={() => onStep(-1)}>
            {texts.previous}
          </Button>
          <Button look="quiet" onClick={() => onStep(1)}>
            {texts.next}
          </Button>
          {one.image_id && (
            <a
              className="button button-primary"
              href={pageLink(projectId, 'annotate', one.image_id)}
            >
              {texts.correct}
            </a>
          )}
        </>
      }
    >
      <div className="wrong-detail roomy">
        {one.image_id ? (
          <Layers
            key={one.image_id}
            {...{ one, modelId, hasHeat, hasOutlines }}
            imageId={one.image_id}
          />
        ) : (
          <p>{t.evaluate.gallery.gone}</p>
        )}
        <div className="wrong-side">
          <p>
            {t.evaluate.gallery.said[one.label]} <VerdictBadge verdict={verdict} />
          </p>
          {one.label === 'ng' && <p className="quiet">{texts.type(one.defect_type)}</p>}
          <CheckField label={texts.heat} value={hasHeat} onChange={setHeat} />
          <CheckField label={texts.outlines} value={hasOutlines} onChange={setOutlines} />
          <RegionTable {...{ one, points, isProvisional }} />
        </div>
      </div>
    </Dialog>
  );
}

type LayersProps = {
  readonly one: Tested;
  readonly imageId: string;
  readonly modelId: string;
  readonly hasHeat: boolean;
  readonly hasOutlines: boolean;
};

/** Picture, heat and outlines, one over the other. */
function Layers({ one, imageId, modelId, hasHeat, hasOutlines }: LayersProps) {
  const { id: projectId } = useProject();
  const image = useImage(imageId).data;
  const [isHeatLost, setHeatLost] = useState(false);
  const texts = t.evaluate.detail;
  if (!image) return <p className="loading">{t.app.loading}</p>;
  const size = { width: image.width, height: image.height };
  const outlines = one.regions.flatMap((region) => region.defects);
  return (
    <figure className="wrong-layers">
      <svg
        viewBox={`0 0 ${size.width} ${size.height}`}
        role="img"
        aria-label={texts.picture(plainName(one.image))}
      >
        <image href={viewUrl(projectId, imageId)} {...size} preserveAspectRatio="none" />
        {hasHeat && (
          <image
            href={heatUrl(projectId, modelId, imageId)}
            {...size}
            preserveAspectRatio="none"
            onError={() => setHeatLost(true)}
          />
        )}
        {hasOutlines &&
          outlines.map((defect) => {
            const points = defect.polygon.map((point) => point.join(',')).join(' ');
            return (
              <g key={points}>
                <polygon className="wrong-outline-ground" points={points} />
                <polygon className="wrong-outline" points={points} />
              </g>
            );
          })}
      </svg>
      {isHeatLost && <figcaption role="status">{texts.heatFailed}</figcaption>}
    </figure>
  );
}

type RegionTableProps = Pick<DisagreementDialogProps, 'points' | 'isProvisional'> & {
  readonly one: Tested;
};

function RegionTable({ one, points, isProvisional }: RegionTableProps) {
  const { columns, regions } = t.evaluate.detail;
  return (
    <table className="table">
      <caption className="visually-hidden">{regions}</caption>
      <thead>
        <tr>
          <th scope="col">{columns.region}</th>
          <th scope="col" className="number">
            {columns.score}
          </th>
          <th scope="col">{columns.verdict}</th>
        </tr>
      </thead>
      <tbody>
        {one.regions.map((region) => {
          const score = region.deviation_score;
          return (
            <tr key={region.id}>
              <th scope="row">{region.name}</th>
              <td className="number">{score === null ? '–' : score.toFixed(3)}</td>
              <td>
                <VerdictBadge verdict={verdictOf(score, points, isProvisional)} />
                {region.reason && <small>{region.reason.message}</small>}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
