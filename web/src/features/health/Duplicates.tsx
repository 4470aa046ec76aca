/** Copies and leaks, side by side. */

import { useState } from 'react';
import { Button } from '../../components/Button';
import { t } from '../../texts';
import type { Twins } from './report';
import { TileRow } from './Tiles';
import { useDecisions } from './useDecisions';

const SHOWN = 10;

/** What can be wrong first, then copies, then parts photographed twice. */
const urgency = (group: Twins): number =>
  group.contradiction ? 0 : group.leak ? 1 : group.kind === 'exact' ? 2 : 3;

export function Duplicates({ groups }: { readonly groups: readonly Twins[] }) {
  const decisions = useDecisions();
  const [isAll, setAll] = useState(false);
  const texts = t.health.duplicates;
  const sorted = [...groups].sort((a, b) => urgency(a) - urgency(b));
  return (
    <>
      <ul className="twins">
        {(isAll ? sorted : sorted.slice(0, SHOWN)).map((group) => (
          <li key={group.images.join(' ')}>
            <p className="twins-words">
              <strong>{texts[group.kind]}</strong>
              {group.contradiction && (
                <span className="badge badge-missed">{texts.contradiction}</span>
              )}
              {group.leak && <span className="badge badge-missed">{texts.leak}</span>}
              {!group.contradiction && (
                <Button
                  look="quiet"
                  disabled={!decisions.mayDecide}
                  onClick={() =>
                    decisions.decide(
                      group.images.slice(1).flatMap((key) => decisions.idOf(key) ?? []),
                      'leave_out',
                      'duplicates',
                    )
                  }
                >
                  {texts.keepFirst}
                </Button>
              )}
            </p>
            <TileRow topic="duplicates" entries={group.images.map((key) => ({ key }))} />
          </li>
        ))}
      </ul>
      {!isAll && sorted.length > SHOWN && (
        <Button look="quiet" onClick={() => setAll(true)}>
          {t.health.showAll(sorted.length)}
        </Button>
      )}
    </>
  );
}
