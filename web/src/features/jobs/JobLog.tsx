/** What a job said, the latest at the end and in view. */

import { useEffect, useRef } from 'react';
import type { JobOut } from '../../api/schema';
import { useJobLog } from '../../data/results';
import { t } from '../../texts';
import './jobs.css';

const time = (seconds: number): string => new Date(1000 * seconds).toLocaleTimeString('en-GB');

export function JobLog({ job }: { readonly job: JobOut }) {
  const log = useJobLog(job);
  const lines = log.data?.lines ?? [];
  const end = useRef<HTMLOListElement>(null);
  useEffect(() => {
    if (lines.length > 0) end.current?.scrollTo({ top: end.current.scrollHeight });
  }, [lines.length]);
  if (lines.length === 0) return <p className="job-log-none">{t.jobs.noLog}</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <ol ref={end} className="job-log" aria-label={t.jobs.log} tabIndex={0}>
      {lines.map((line, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines are only added
        <li key={i}>
          <time>{time(line.time_s)}</time> {line.text}
        </li>
      ))}
    </ol>
  );
}
