/** Fits that made no model, with the reason. */

import type { JobOut } from '../../api/schema';
import { t } from '../../texts';
import { JobLog } from '../jobs/JobLog';

const SHOWN = 5;

export function FailedJobs({ jobs }: { readonly jobs: readonly JobOut[] }) {
  const failed = jobs.filter((job) => job.state === 'failed' || job.state === 'cancelled');
  if (failed.length === 0) return null;
  return (
    <section className="panel" aria-label={t.train.failed.title}>
      <h2>{t.train.failed.title}</h2>
      <ul className="train-failed">
        {failed.slice(0, SHOWN).map((job) => (
          <li key={job.id}>
            <p>
              <strong>{t.jobs.states[job.state]}</strong>{' '}
              {t.train.failed.of(t.common.date(job.created_s), job.created_by)}
            </p>
            <p>{reasonOf(job)}</p>
            <details>
              <summary>{t.train.failed.log}</summary>
              <JobLog job={job} />
            </details>
          </li>
        ))}
      </ul>
    </section>
  );
}

function reasonOf(job: JobOut): string {
  if (job.state === 'cancelled') return t.train.failed.stopped;
  return (job.error as { message?: string } | null)?.message ?? '';
}
