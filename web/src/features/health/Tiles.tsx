/** Thumbnails of images that a finding names, each with what can be decided of it. */

import { type KeyboardEvent, useState } from 'react';
import { Button, IconButton } from '../../components/Button';
import { RingedPicture } from '../../components/RingedPicture';
import { thumbnailUrl, useImage } from '../../data/images';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import { Closer } from './Closer';
import { plainWords, type TopicName } from './report';
import { useDecisions } from './useDecisions';

export type TileEntry = {
  readonly key: string;
  readonly caption?: string;
  readonly placeXy?: readonly [number, number];
};

const SHOWN = 12;

type TileRowProps = { readonly topic: TopicName; readonly entries: readonly TileEntry[] };

export function TileRow({ topic, entries }: TileRowProps) {
  const [isAll, setAll] = useState(false);
  const shown = isAll ? entries : entries.slice(0, SHOWN);
  if (entries.length === 0) return null;
  return (
    <>
      <ul className="tiles" aria-label={t.health.topics[topic]}>
        {shown.map((entry) => (
          <Tile key={entry.key} entry={entry} topic={topic} />
        ))}
      </ul>
      {shown.length < entries.length && (
        <Button look="quiet" onClick={() => setAll(true)}>
          {t.health.showAll(entries.length)}
        </Button>
      )}
    </>
  );
}

function Tile({ entry, topic }: { readonly entry: TileEntry; readonly topic: TopicName }) {
  const { id: projectId } = useProject();
  const decisions = useDecisions();
  const [isClose, setClose] = useState(false);
  const texts = t.health.tile;
  const id = decisions.idOf(entry.key);
  const image = useImage(id).data;
  const name = plainWords(entry.key);
  if (id === null)
    return (
      <li className="tile">
        <p>{name}</p>
        <p className="quiet">{texts.gone}</p>
      </li>
    );
  const decision = image?.decision ?? null;
  const isSelected = decisions.selected.has(id);
  const press = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key === 'l') decisions.decide([id], 'leave_out', topic);
    else if (key === 'k') decisions.decide([id], 'keep', topic);
    else if (key === 'u') decisions.decide([id], null);
    else if (key === 'enter') setClose(true);
    else return;
    event.preventDefault();
  };
  return (
    <li className={`tile ${isSelected ? 'is-selected' : ''} tile-${decision ?? 'open'}`}>
      <button
        type="button"
        className="tile-picture"
        aria-pressed={isSelected}
        aria-label={texts.select(name)}
        onClick={() => decisions.toggle(id)}
        onKeyDown={press}
      >
        <RingedPicture
          src={thumbnailUrl(projectId, id)}
          alt={name}
          size={image ?? null}
          placeXy={entry.placeXy}
        />
      </button>
      <p className="tile-name" title={name}>
        {name}
        {entry.caption && <small>{entry.caption}</small>}
      </p>
      <div className="tile-actions">
        {decision === null ? (
          <>
            <Button
              disabled={!decisions.mayDecide}
              onClick={() => decisions.decide([id], 'leave_out', topic)}
            >
              {texts.leaveOut}
            </Button>
            <Button
              disabled={!decisions.mayDecide}
              onClick={() => decisions.decide([id], 'keep', topic)}
            >
              {texts.keep}
            </Button>
          </>
        ) : (
          <>
            <strong>{decision === 'keep' ? texts.kept : texts.leftOut}</strong>
            <Button look="quiet" onClick={() => decisions.decide([id], null)}>
              {texts.takeBack}
            </Button>
          </>
        )}
        <IconButton icon="inspect" label={texts.closer(name)} onClick={() => setClose(true)} />
      </div>
      {isClose && (
        <Closer
          name={name}
          imageId={id}
          image={image ?? null}
          placeXy={entry.placeXy}
          topic={topic}
          onClose={() => setClose(false)}
        />
      )}
    </li>
  );
}
