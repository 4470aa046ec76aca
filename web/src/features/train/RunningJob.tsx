/** A fit while it runs: how far it is and what it says. */

import { Problem } from '../../components/Problem';
import { useJob } from '../../data/jobs';
import { t } from '../../texts';
import { JobLog } from '../jobs/JobLog';
import { JobProgress } from '../jobs/JobProgress';

export function RunningJob({ jobId }: { readonly jobId: string }) {
  const job = useJob(jobId);
  if (job.error) return <Problem error={job.error} onRetry={() => void job.refetch()} />;
  if (!job.data) return null;
  return (
    <section className="panel" aria-label={t.train.running}>
      <h2>{t.train.running}</h2>
      <JobProgress job={job.data} />
      <JobLog job={job.data} />
    </section>
  );
}
