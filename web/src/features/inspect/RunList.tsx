import { Button } from '../../components/Button';
import { ProgressBar } from '../../components/ProgressBar';
import { VerdictBadge } from '../../components/VerdictBadge';
import { VirtualGrid } from '../../components/VirtualGrid';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { errorText, t } from '../../texts';
import { countsOf, type Run } from './runs';

const ROW_PX = 44;

type RunListProps = {
  readonly runs: readonly Run[];
  readonly open: string | null;
  readonly onOpen: (key: string) => void;
  readonly onAgain: () => void;
  readonly onClear: () => void;
};

export function RunList({ runs, open, onOpen, onAgain, onClear }: RunListProps) {
  const { id } = useProject();
  const texts = t.inspect.drop;
  if (runs.length === 0) return null;
  const counts = countsOf(runs);
  const stopped = counts.ng + counts.review;
  const isBusy = counts.done < runs.length;
  return (
    <>
      <div className="run-sum">
        <div aria-live="polite">
          <ProgressBar
            label={texts.progress}
            done={counts.done}
            total={runs.length}
            text={texts.of(counts.done, runs.length)}
          />
          <p>{texts.counts(counts)}</p>
        </div>
        <div className="drop-buttons">
          {stopped > 0 && !isBusy && (
            <a className="button" href={pageLink(id, 'inspect', 'queue')}>
              {texts.toQueue(stopped)}
            </a>
          )}
          {counts.again > 0 && !isBusy && (
            <Button look="danger" onClick={onAgain}>
              {texts.again(counts.again)}
            </Button>
          )}
          <Button look="quiet" onClick={onClear}>
            {texts.clear}
          </Button>
        </div>
      </div>
      <VirtualGrid
        label={texts.listed}
        className="run-list"
        items={runs}
        itemKey={(run) => run.key}
        rowHeight={ROW_PX}
        current={runs.findIndex((run) => run.key === open)}
      >
        {(run) => (
          <button
            type="button"
            className="run"
            aria-pressed={run.key === open}
            title={run.error ? errorText(run.error) : run.file.name}
            onClick={() => onOpen(run.key)}
          >
            <span className="run-name">{run.file.name}</span>
            <RunState run={run} />
          </button>
        )}
      </VirtualGrid>
    </>
  );
}

function RunState({ run }: { readonly run: Run }) {
  const texts = t.inspect.drop;
  if (run.inspection) return <VerdictBadge verdict={run.inspection.verdict} />;
  if (run.wait !== null) return <span className="run-state">{texts.busy(run.wait)}</span>;
  if (run.state === 'failed')
    return <span className="run-state run-failed">{errorText(run.error)}</span>;
  return (
    <span className="run-state">
      {run.state === 'sending' ? texts.states.sending : texts.states.waiting}
    </span>
  );
}
