/** How far long work is, and the button that stops it. */

import type { JobOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { ProgressBar } from '../../components/ProgressBar';
import { isOpen, useCancel } from '../../data/jobs';
import { t } from '../../texts';

export function JobProgress({ job }: { readonly job: JobOut }) {
  const cancel = useCancel();
  const error = job.error as { message?: string } | null;
  const isSure = job.total > 1;
  return (
    <div className={`job job-${job.state}`} role="status">
      <strong>{t.jobs.states[job.state]}</strong>
      {isOpen(job) && (
        <>
          <ProgressBar
            label={t.jobs.progress}
            done={job.done}
            total={job.total}
            text={isSure ? `${job.step} ${t.jobs.of(job.done, job.total)}` : job.step}
          />
          <Button look="quiet" disabled={cancel.isPending} onClick={() => cancel.mutate(job.id)}>
            {t.jobs.stop}
          </Button>
        </>
      )}
      {error && <p className="job-error">{error.message}</p>}
    </div>
  );
}
