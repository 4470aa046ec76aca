/** Test images whose verdict differs from their label, the furthest off first. */

import { useState } from 'react';
import { Button } from '../../components/Button';
import { Segments } from '../../components/Field';
import { VerdictBadge } from '../../components/VerdictBadge';
import { thumbnailUrl } from '../../data/images';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import { DisagreementDialog } from './DisagreementDialog';
import type { Disagreement, Points } from './decide';
import { plainName } from './payload';

const FILTERS = ['all', 'miss', 'false_alarm'] as const;
type Filter = (typeof FILTERS)[number];
const SHOWN = 24;

type DisagreementsProps = {
  readonly wrong: readonly Disagreement[];
  readonly modelId: string;
  readonly points: Points;
  readonly isProvisional: boolean;
};

export function Disagreements({ wrong, modelId, points, isProvisional }: DisagreementsProps) {
  const [filter, setFilter] = useState<Filter>('all');
  const [most, setMost] = useState(SHOWN);
  const [openAt, setOpenAt] = useState<number | null>(null);
  const texts = t.evaluate.gallery;
  const misses = wrong.filter((one) => one.kind === 'miss').length;
  const listed = filter === 'all' ? wrong : wrong.filter((one) => one.kind === filter);
  const open = openAt === null ? undefined : listed[openAt];
  return (
    <section className="panel" aria-label={texts.title}>
      <div className="panel-head">
        <h2>{texts.title}</h2>
        <Segments
          label={texts.filter}
          value={filter}
          options={FILTERS}
          names={texts.filters}
          onChange={setFilter}
        />
      </div>
      <p className="quiet" role="status">
        {wrong.length === 0 ? texts.none : texts.count(misses, wrong.length - misses)}
      </p>
      <ul className="disagreements">
        {listed.slice(0, most).map((one, i) => (
          <li key={one.one.image}>
            <Card wrong={one} onOpen={() => setOpenAt(i)} />
          </li>
        ))}
      </ul>
      {listed.length > most && (
        <Button look="quiet" onClick={() => setMost(most + SHOWN)}>
          {texts.more(Math.min(SHOWN, listed.length - most))}
        </Button>
      )}
      {open && openAt !== null && (
        <DisagreementDialog
          wrong={open}
          modelId={modelId}
          points={points}
          isProvisional={isProvisional}
          onClose={() => setOpenAt(null)}
          onStep={(by) => setOpenAt((openAt + by + listed.length) % listed.length)}
        />
      )}
    </section>
  );
}

function Card({ wrong, onOpen }: { readonly wrong: Disagreement; readonly onOpen: () => void }) {
  const { id: projectId } = useProject();
  const { one, verdict, kind } = wrong;
  const texts = t.evaluate.gallery;
  const name = plainName(one.image);
  const score = one.deviation_score;
  return (
    <button
      type="button"
      className={`disagreement disagreement-${kind}`}
      aria-label={`${texts.kinds[kind]}: ${texts.open(name)}`}
      onClick={onOpen}
    >
      {one.image_id ? (
        <img src={thumbnailUrl(projectId, one.image_id)} alt="" loading="lazy" />
      ) : (
        <span className="quiet">{texts.gone}</span>
      )}
      <span className="disagreement-kind">
        <strong>{texts.kinds[kind]}</strong> <VerdictBadge verdict={verdict} />
      </span>
      <span className="disagreement-name">{name}</span>
      <small>{score === null ? texts.notJudged : texts.score(score.toFixed(3))}</small>
    </button>
  );
}
