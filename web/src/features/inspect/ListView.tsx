import { useMemo, useState } from 'react';
import { Button } from '../../components/Button';
import { EmptyState } from '../../components/EmptyState';
import { Problem } from '../../components/Problem';
import { VirtualGrid } from '../../components/VirtualGrid';
import { csvUrl, useInspections } from '../../data/inspections';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { useRest } from '../../data/route';
import { useMay } from '../../data/session';
import { t } from '../../texts';
import { canLearn, fits, type ListFilter, NO_FILTER, queryOf } from './filters';
import { ListDetail } from './ListDetail';
import { ListFilters } from './ListFilters';
import { ListRow } from './ListRow';
import { useLearnAll } from './useLearnAll';

const ROW_PX = 40;

/** Every inspection, narrowed by filters; false alarms can be added to the normals from here. */
export function ListView({ asked }: { readonly asked: string | null }) {
  const { id } = useProject();
  const [, go] = useRest();
  const texts = t.inspect.list;
  const [filter, setFilter] = useState<ListFilter>(NO_FILTER);
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const query = useMemo(() => queryOf(filter, Date.now() / 1000), [filter]);
  const found = useInspections(query);
  const mayLearn = useMay('upload');
  const learnAll = useLearnAll();
  const items = useMemo(
    () => (found.data?.pages.flatMap((p) => p.items) ?? []).filter((item) => fits(filter, item)),
    [found.data, filter],
  );
  const learnable = items.filter(canLearn);
  const chosen = learnable.filter((item) => marked.has(item.id));
  const isFiltered = filter !== NO_FILTER;

  function mark(inspectionId: string, isMarked: boolean) {
    const next = new Set(marked);
    if (isMarked) next.add(inspectionId);
    else next.delete(inspectionId);
    setMarked(next);
  }
  const markAll = () =>
    setMarked(
      chosen.length === learnable.length ? new Set() : new Set(learnable.map((one) => one.id)),
    );
  const more = () => {
    if (found.hasNextPage && !found.isFetchingNextPage) void found.fetchNextPage();
  };
  return (
    <div className={`list-view ${asked ? 'has-detail' : ''}`}>
      <div className="list-main">
        <ListFilters filter={filter} onChange={setFilter} />
        <div className="list-bar">
          <p aria-live="polite">{texts.count(items.length, found.hasNextPage)}</p>
          {learnable.length > 0 && (
            <>
              <Button look="quiet" disabled={!mayLearn} onClick={markAll}>
                {texts.markAll}
              </Button>
              <Button
                look="primary"
                icon="learn"
                disabled={!mayLearn || chosen.length === 0 || learnAll.isRunning}
                title={mayLearn ? texts.offer : texts.mayNot}
                onClick={() => void learnAll.go(chosen.map((one) => one.id))}
              >
                {learnAll.isRunning ? texts.learning : texts.learn(chosen.length)}
              </Button>
            </>
          )}
          <a className="button" href={csvUrl(id, query)} download>
            {texts.csv}
          </a>
        </div>
        {learnAll.added > 0 && (
          <p className="queue-note" role="status">
            {texts.learnt(learnAll.added)}{' '}
            <a href={pageLink(id, 'train')}>{t.inspect.queue.learnedAction}</a>
          </p>
        )}
        {found.error && <Problem error={found.error} onRetry={() => void found.refetch()} />}
        {found.data && items.length === 0 && !found.hasNextPage ? (
          <EmptyState
            icon="inspect"
            title={isFiltered ? texts.none : texts.empty}
            text={isFiltered ? '' : t.inspect.live.none}
          >
            {isFiltered ? (
              <Button look="primary" onClick={() => setFilter(NO_FILTER)}>
                {texts.reset}
              </Button>
            ) : (
              <a className="button button-primary" href={pageLink(id, 'inspect')}>
                {t.inspect.live.send}
              </a>
            )}
          </EmptyState>
        ) : (
          <>
            <Heads />
            <VirtualGrid
              label={texts.label}
              className="inspection-list"
              items={items}
              itemKey={(item) => item.id}
              rowHeight={ROW_PX}
              onEnd={more}
            >
              {(item) => (
                <ListRow
                  item={item}
                  isOpen={item.id === asked}
                  isMarked={marked.has(item.id)}
                  onOpen={() => go('list', item.id)}
                  onMark={mayLearn && canLearn(item) ? (value) => mark(item.id, value) : null}
                />
              )}
            </VirtualGrid>
          </>
        )}
      </div>
      {asked && <ListDetail inspectionId={asked} onClose={() => go('list')} />}
    </div>
  );
}

/** Above the rows, which are items of a list; for the eye only. */
function Heads() {
  const names = t.inspect.list.columns;
  return (
    <div className="inspection-row inspection-heads" aria-hidden="true">
      <span />
      <div className="inspection-cells">
        {(['time', 'verdict', 'score', 'part', 'line', 'model', 'review'] as const).map((key) => (
          <span key={key}>{names[key]}</span>
        ))}
      </div>
    </div>
  );
}
