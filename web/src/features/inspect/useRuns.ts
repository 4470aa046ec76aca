import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { inspectPicture, newKey } from '../../api/inspect';
import { useProject } from '../../data/projects';
import { keyOf } from '../../data/queries';
import { inParallel, mayGoThrough, type Run, runOf } from './runs';

const AT_ONCE = 3;

/** The pictures of this session, inspected a few at a time; leaving the page stops what waits. */
export function useRuns() {
  const { id } = useProject();
  const client = useQueryClient();
  const [runs, setRuns] = useState<readonly Run[]>([]);
  const latest = useRef<readonly Run[]>([]);
  const isBusy = useRef(false);
  const stopper = useRef<AbortController | null>(null);

  const write = useCallback((next: readonly Run[]) => {
    latest.current = next;
    setRuns(next);
  }, []);
  const change = useCallback(
    (key: string, to: Partial<Run>) =>
      write(latest.current.map((run) => (run.key === key ? { ...run, ...to } : run))),
    [write],
  );

  const sendNext = useCallback(async (): Promise<boolean> => {
    const run = latest.current.find((one) => one.state === 'waiting');
    if (!run || stopper.current?.signal.aborted) return false;
    change(run.key, { state: 'sending', error: null });
    const { key, file, partId, line } = run;
    const onWait = (wait: number | null) => change(key, { wait });
    try {
      const shipment = { key, picture: file, partId, line };
      const found = await inspectPicture(id, shipment, onWait, stopper.current?.signal);
      client.setQueryData(keyOf(id, 'inspection', found.id), found);
      change(key, { state: 'done', inspection: found });
    } catch (error) {
      change(key, { state: 'failed', wait: null, error: error as Error });
    }
    return true;
  }, [id, client, change]);

  const go = useCallback(async () => {
    if (isBusy.current) return;
    isBusy.current = true;
    stopper.current ??= new AbortController();
    await inParallel(AT_ONCE, sendNext);
    isBusy.current = false;
    for (const what of ['inspections', 'queue', 'summary', 'rates', 'newest'])
      void client.invalidateQueries({ queryKey: keyOf(id, what) });
    if (latest.current.some((run) => run.state === 'waiting')) void go();
  }, [id, client, sendNext]);

  useEffect(() => {
    return () => {
      stopper.current?.abort();
      stopper.current = null;
    };
  }, []);

  const add = (files: readonly File[], partOf: (file: File) => string, line: string) => {
    write([...latest.current, ...files.map((file) => runOf(file, newKey(), partOf(file), line))]);
    void go();
  };
  const again = () => {
    write(latest.current.map((run) => (mayGoThrough(run) ? { ...run, state: 'waiting' } : run)));
    void go();
  };
  const clear = () => write(latest.current.filter((run) => run.state === 'sending'));
  return { runs, add, again, clear };
}
