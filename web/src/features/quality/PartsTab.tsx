/** Every inspection of a part. */

import { type FormEvent, useId, useState } from 'react';
import type { InspectionBrief } from '../../api/schema';
import { Button } from '../../components/Button';
import { Problem } from '../../components/Problem';
import { VerdictBadge } from '../../components/VerdictBadge';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { capturedUrl, inspectionsCsvUrl, usePartInspections } from '../../data/quality';
import { useRest } from '../../data/route';
import { t } from '../../texts';

const texts = t.quality.parts;

export function PartsTab() {
  const [[, part = ''], go] = useRest();
  const id = useId();
  const [draft, setDraft] = useState(part);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    go('parts', ...(draft.trim() ? [draft.trim()] : []));
  };
  return (
    <div className="tab-body">
      <p className="tab-about">{texts.about}</p>
      <search>
        <form className="add-row" onSubmit={submit}>
          <div className="field">
            <label htmlFor={id}>{texts.label}</label>
            <input
              id={id}
              type="search"
              autoComplete="off"
              spellCheck={false}
              maxLength={120}
              value={draft}
              placeholder={texts.hint}
              onChange={(event) => setDraft(event.target.value)}
            />
          </div>
          <Button type="submit" look="primary" disabled={draft.trim() === ''}>
            {texts.search}
          </Button>
        </form>
      </search>
      {part && <Found part={part} />}
    </div>
  );
}

function Found({ part }: { readonly part: string }) {
  const { id } = useProject();
  const found = usePartInspections(part);
  const items = found.data?.pages.flatMap((page) => page.items) ?? [];
  if (found.error) return <Problem error={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data) return <p className="loading">{t.app.loading}</p>;
  if (items.length === 0) return <p role="status">{texts.none(part)}</p>;
  const words = found.hasNextPage ? texts.foundMore : texts.found;
  return (
    <>
      <div className="tab-actions">
        <h2>{words(items.length, part)}</h2>
        <a className="button filters-end" href={inspectionsCsvUrl(id, { part_id: part })} download>
          {t.quality.csv}
        </a>
      </div>
      <ul className="part-list" aria-label={texts.list}>
        {items.map((item) => (
          <Item key={item.id} item={item} />
        ))}
      </ul>
      {found.hasNextPage && (
        <Button disabled={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          {texts.more}
        </Button>
      )}
    </>
  );
}

function Item({ item }: { readonly item: InspectionBrief }) {
  const { id } = useProject();
  const date = t.common.date(item.created_s);
  return (
    <li>
      <div className="part-picture">
        {item.image_gone ? (
          <span>{texts.gone}</span>
        ) : (
          <img src={capturedUrl(id, item.id)} alt={texts.picture(date)} loading="lazy" />
        )}
      </div>
      <div className="part-about">
        <p>
          <VerdictBadge verdict={item.verdict} /> <strong>{date}</strong>
        </p>
        <p className="part-facts">
          {item.deviation_score !== null && (
            <span>{texts.score(item.deviation_score.toFixed(3))}</span>
          )}
          <span>{texts.model(item.model_number)}</span>
          <span>{item.line ? texts.line(item.line) : texts.noLine}</span>
        </p>
        <p>{reviewWords(item)}</p>
        {item.reason && <p className="part-reason">{item.reason}</p>}
        <a href={pageLink(id, 'inspect', `list/${item.id}`)}>{texts.open}</a>
      </div>
    </li>
  );
}

function reviewWords({ review, reviewed_by, reviewed_s, verdict }: InspectionBrief): string {
  if (review !== null)
    return texts.reviewed(
      t.common.verdicts[review],
      reviewed_by ?? '',
      t.common.date(reviewed_s ?? 0),
    );
  return verdict === 'ng' || verdict === 'review' ? texts.waits : texts.notReviewed;
}
