import { type DragEvent, useState } from 'react';
import { EmptyState } from '../../components/EmptyState';
import { Problem } from '../../components/Problem';
import { useKeys } from '../../components/useKeys';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { useSummary } from '../../data/summary';
import { t } from '../../texts';
import { DropForm } from './DropForm';
import { imagesDropped } from './dropped';
import { ResultView } from './ResultView';
import { RunList } from './RunList';
import { useRuns } from './useRuns';

/** Pictures dropped here are inspected; beside the list stands what was found. */
export function DropView() {
  const { id } = useProject();
  const summary = useSummary(id);
  const { runs, add, again, clear } = useRuns();
  const [chosen, setChosen] = useState<string | null>(null);
  const [isOver, setIsOver] = useState(false);
  const [dropped, setDropped] = useState<readonly File[] | null>(null);
  const first = (runs.find((run) => run.inspection) ?? runs.find((run) => run.error))?.key ?? null;
  const open = chosen ?? first;
  const at = runs.findIndex((run) => run.key === open);
  const run = runs[at];

  useKeys(runs.length > 0, (key) => {
    const step = key === 'ArrowDown' ? 1 : key === 'ArrowUp' ? -1 : 0;
    const next = step === 0 ? undefined : runs[at + step];
    if (next) setChosen(next.key);
    return next !== undefined;
  });

  function onDrop(event: DragEvent) {
    event.preventDefault();
    setIsOver(false);
    void imagesDropped(event.dataTransfer).then(setDropped);
  }

  if (summary.data && summary.data.approved === null)
    return (
      <EmptyState icon="inspect" title={t.inspect.empty.title} text={t.inspect.empty.text}>
        <a className="button button-primary" href={pageLink(id, 'deploy')}>
          {t.inspect.empty.action}
        </a>
      </EmptyState>
    );
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: a place to drop; the buttons do the same
    <div
      className={`drop-view ${isOver ? 'is-over' : ''}`}
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) setIsOver(false);
      }}
      onDrop={onDrop}
    >
      <div className="drop-side">
        <DropForm
          model={summary.data?.approved?.number ?? null}
          dropped={dropped}
          onTaken={() => setDropped(null)}
          onFiles={add}
        />
        <RunList
          runs={runs}
          open={open}
          onOpen={setChosen}
          onAgain={again}
          onClear={() => {
            clear();
            setChosen(null);
          }}
        />
      </div>
      {run?.inspection ? (
        <ResultView inspection={run.inspection} name={run.file.name} />
      ) : (
        <div className="result-none">
          {run?.error ? (
            <Problem error={run.error} />
          ) : (
            <p>{runs.length > 0 ? t.inspect.drop.choose : t.inspect.drop.waiting}</p>
          )}
        </div>
      )}
    </div>
  );
}
