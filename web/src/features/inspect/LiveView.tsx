import { useEffect, useRef, useState } from 'react';
import type { InspectionBrief, InspectionOut } from '../../api/schema';
import { BigVerdict } from '../../components/BigVerdict';
import { Button } from '../../components/Button';
import { EmptyState } from '../../components/EmptyState';
import { useKeys } from '../../components/useKeys';
import { VerdictBadge } from '../../components/VerdictBadge';
import { byUrgency, contentOf } from '../../data/inspectionContent';
import { capturedAt, useInspection, useLastHour, useNewest } from '../../data/inspections';
import { pageLink } from '../../data/links';
import { loadPicture } from '../../data/pictures';
import { useProject } from '../../data/projects';
import { useLines } from '../../data/quality';
import { t } from '../../texts';
import { InspectionPicture } from './InspectionPicture';

const SHOWN = 13;
const REGIONS = 4;
const LINE_KEY = 'offspec-live-line';

/** The newest inspection, to be read from three metres. */
export function LiveView() {
  const { id } = useProject();
  const texts = t.inspect.live;
  const [line, setLine] = useState(() => localStorage.getItem(LINE_KEY) ?? '');
  const frame = useRef<HTMLElement>(null);
  const newest = useNewest(line, SHOWN);
  const items = newest.data?.items ?? [];
  const shown = useReady(items[0]?.id ?? null);
  const isFullscreen = () => document.fullscreenElement !== null;
  const fullscreen = () =>
    void (isFullscreen() ? document.exitFullscreen() : frame.current?.requestFullscreen());
  useKeys(true, (key, event) => {
    if ((key !== 'f' && key !== 'F') || event.ctrlKey || event.metaKey) return false;
    fullscreen();
    return true;
  });
  const setOwnLine = (value: string) => {
    setLine(value);
    localStorage.setItem(LINE_KEY, value);
  };
  return (
    <section ref={frame} className="live" aria-label={texts.label}>
      {newest.error && newest.dataUpdatedAt > 0 && (
        <p className="live-lost" role="alert">
          {texts.lost(t.common.date(newest.dataUpdatedAt / 1000))}
        </p>
      )}
      {shown ? (
        <Shown inspection={shown} />
      ) : (
        newest.data &&
        items.length === 0 && (
          <EmptyState
            icon="inspect"
            title={texts.label}
            text={line ? texts.noneOf(line) : texts.none}
          >
            {line === '' && (
              <a className="button button-primary" href={pageLink(id, 'inspect')}>
                {texts.send}
              </a>
            )}
          </EmptyState>
        )
      )}
      <footer className="live-foot">
        <LastHour line={line} newestId={items[0]?.id ?? null} />
        <Recent items={items.slice(1)} />
        <div className="live-settings">
          <LineField value={line} onChange={setOwnLine} />
          <Button icon="whole" aria-keyshortcuts="F" onClick={fullscreen}>
            {texts.fullscreen}
          </Button>
        </div>
      </footer>
    </section>
  );
}

/** The one before stays until all of the new one is there. */
function useReady(newestId: string | null): InspectionOut | null {
  const { id } = useProject();
  const { data } = useInspection(newestId);
  const [ready, setReady] = useState<InspectionOut | null>(null);
  useEffect(() => {
    if (!data) return;
    let isStopped = false;
    const picture = data.image_gone ? Promise.resolve(null) : loadPicture(capturedAt(id, data.id));
    const show = () => !isStopped && setReady(data);
    picture.then(show, show);
    return () => {
      isStopped = true;
    };
  }, [id, data]);
  return newestId === null ? null : ready;
}

function Shown({ inspection }: { readonly inspection: InspectionOut }) {
  const regions = byUrgency(contentOf(inspection).regions);
  const told = regions.filter((one) => one.verdict !== 'ok').slice(0, REGIONS);
  const of = inspection.part_id ?? t.inspect.result.noPart;
  return (
    <div className={`live-main live-${inspection.verdict}`}>
      <InspectionPicture inspection={inspection} of={of} hasTools={false} />
      <div className="live-said" aria-live="polite">
        <BigVerdict verdict={inspection.verdict} />
        <p className="live-part">{of}</p>
        {inspection.line && <p className="live-time">{t.inspect.live.lineOf(inspection.line)}</p>}
        <p className="live-time">
          {t.common.clock(inspection.created_s)} <Ago since={inspection.created_s} />
        </p>
        <ul className="live-regions">
          {told.map((region) => (
            <li key={region.id}>
              <strong>{region.name}</strong>
              <span>
                {t.common.verdicts[region.verdict]}
                {region.deviation_score !== null &&
                  ` ${t.inspect.result.scoreOf(region.deviation_score)}`}
              </span>
              {region.reason && <small>{region.reason.message}</small>}
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}

/** Not part of what is read out: it changes all the time. */
function Ago({ since }: { readonly since: number }) {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now() / 1000), 2000);
    return () => clearInterval(timer);
  }, []);
  return (
    <span aria-live="off">
      {'('}
      {t.inspect.live.ago(Math.max(0, now - since))}
      {')'}
    </span>
  );
}

function LastHour({ line, newestId }: { readonly line: string; readonly newestId: string | null }) {
  const { data } = useLastHour(line, newestId);
  const texts = t.inspect.live;
  if (!data) return null;
  const total = data.ok + data.review + data.ng + data.invalid;
  return (
    <dl className="counters" aria-label={texts.lastHour}>
      <div>
        <dt>{texts.lastHour}</dt>
        <dd>{total}</dd>
      </div>
      {(['ok', 'review', 'ng', 'invalid'] as const).map((verdict) => (
        <div key={verdict} className={`counter-${verdict}`}>
          <dt>{t.common.verdicts[verdict]}</dt>
          <dd>{data[verdict]}</dd>
        </div>
      ))}
    </dl>
  );
}

function Recent({ items }: { readonly items: readonly InspectionBrief[] }) {
  const { id } = useProject();
  const texts = t.inspect.live;
  return (
    <ol className="recent" aria-label={texts.recent}>
      {items.map((item) => (
        <li key={item.id}>
          <a
            href={pageLink(id, 'inspect', `list/${item.id}`)}
            title={t.common.date(item.created_s)}
          >
            <VerdictBadge verdict={item.verdict} />
          </a>
        </li>
      ))}
    </ol>
  );
}

/** A choice, not words: what a finger mistypes would show nothing for ever. */
function LineField({
  value,
  onChange,
}: {
  readonly value: string;
  readonly onChange: (line: string) => void;
}) {
  const lines = useLines();
  const known = [...new Set([...(value ? [value] : []), ...(lines.data ?? [])])].sort();
  return (
    <label className="live-line">
      {t.inspect.live.line}
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">{t.inspect.live.all}</option>
        {known.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
