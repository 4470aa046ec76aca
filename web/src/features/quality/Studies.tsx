/** Studies of one kind: what runs, what failed, and the results that there are. */

import { type ReactNode, useState } from 'react';
import type { JobOut } from '../../api/schema';
import { ChoiceField } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { isOpen, useJob, useJobs } from '../../data/jobs';
import { useProject } from '../../data/projects';
import { jobFileUrl } from '../../data/results';
import { t } from '../../texts';
import { JobProgress } from '../jobs/JobProgress';
import { filesOf } from './payloads';

const texts = t.quality.studies;

type StudiesProps = {
  readonly kind: string;
  /** What there is to say while there is none. */
  readonly none: string;
  /** The result, whole. */
  readonly children: (job: JobOut) => ReactNode;
};

export function Studies({ kind, none, children }: StudiesProps) {
  const jobs = useJobs();
  const [wanted, setWanted] = useState('');
  const mine = (jobs.data ?? []).filter((job) => job.kind === kind);
  const [latest] = mine;
  const done = mine.filter((job) => job.state === 'done');
  const shown = done.find((job) => job.id === wanted) ?? done[0];
  if (jobs.error) return <Problem error={jobs.error} onRetry={() => void jobs.refetch()} />;
  return (
    <>
      {mine.filter(isOpen).map((job) => (
        <Watched key={job.id} jobId={job.id} />
      ))}
      {latest?.state === 'failed' && <JobProgress job={latest} />}
      {jobs.data && !shown && !mine.some(isOpen) && <p className="tab-about">{none}</p>}
      {shown && (
        <section className="study-result">
          <div className="study-head">
            {done.length > 1 ? (
              <ChoiceField
                label={texts.shown}
                value={shown.id}
                options={done.map((job) => job.id)}
                names={Object.fromEntries(done.map((job) => [job.id, madeWords(job)]))}
                onChange={setWanted}
              />
            ) : (
              <h2>{madeWords(shown)}</h2>
            )}
            <Files job={shown} />
          </div>
          <Whole jobId={shown.id}>{children}</Whole>
        </section>
      )}
    </>
  );
}

export const madeWords = (job: JobOut): string =>
  t.quality.made(t.common.date(job.finished_s ?? job.created_s), job.created_by);

/** Of a report. */
export const titleOf = (job: JobOut): string =>
  String(job.result?.title ?? t.quality.report.untitled);

/** Asked for until it has ended, so that what it made is seen at once. */
export function Watched({ jobId }: { readonly jobId: string }) {
  const job = useJob(jobId);
  return job.data ? <JobProgress job={job.data} /> : null;
}

type WholeProps = { readonly jobId: string; readonly children: (job: JobOut) => ReactNode };

/** The list has no results. */
function Whole({ jobId, children }: WholeProps) {
  const job = useJob(jobId);
  if (job.error) return <Problem error={job.error} />;
  if (!job.data?.result) return <p className="loading">{t.app.loading}</p>; // or still from when it ran
  return children(job.data);
}

export function Files({ job }: { readonly job: JobOut }) {
  const { id } = useProject();
  return (
    <span className="tab-actions">
      {filesOf(job).map(({ name, kind }) => (
        <a key={name} className="button" href={jobFileUrl(id, job.id, name)} download={name}>
          {t.quality.file[kind]}
        </a>
      ))}
    </span>
  );
}
