/** Is this data fit to learn from? A check proposes, a person decides. */

import { useState } from 'react';
import type { JobOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { EmptyState } from '../../components/EmptyState';
import { PageHeader } from '../../components/PageHeader';
import { Problem } from '../../components/Problem';
import { isOpen, useJob, useJobs } from '../../data/jobs';
import { pageLink } from '../../data/links';
import { useVersions } from '../../data/models';
import { useProject } from '../../data/projects';
import { jobFileUrl, latestJob } from '../../data/results';
import { useMay } from '../../data/session';
import { useStart } from '../../data/starting';
import { useSummary } from '../../data/summary';
import { useTemplate } from '../../data/templates';
import { t } from '../../texts';
import { JobProgress } from '../jobs/JobProgress';
import { Report } from './Report';
import { type CheckReport, changedSince } from './report';
import './health.css';

export default function HealthPage() {
  const { id } = useProject();
  const summary = useSummary(id);
  const jobs = useJobs();
  const [startedId, setStartedId] = useState<string | null>(null);
  const latest = jobs.data ? latestJob(jobs.data, 'check') : null;
  const done = jobs.data ? latestJob(jobs.data, 'check', {}, ['done']) : null;
  const running = useJob(startedId ?? (latest && isOpen(latest) ? latest.id : null));
  const report = useJob(done?.id ?? null);
  const broken = [summary, jobs].find((query) => query.error);
  const problem = broken && <Problem error={broken.error} onRetry={() => void broken.refetch()} />;
  if (!summary.data || !jobs.data) return problem ?? <p className="loading">{t.app.loading}</p>;
  const isEmpty = summary.data.ok + summary.data.ng === 0 && !done;
  const isRunning = running.data !== undefined && isOpen(running.data);
  const found = report.data?.result as CheckReport | undefined;
  const start = (
    <StartButton isAgain={done !== null} isRunning={isRunning} onStart={setStartedId} />
  );
  return (
    <div className="page">
      <PageHeader title={t.nav.health} about={found && aboutOf(found, report.data)}>
        {done && (
          <a className="button" href={jobFileUrl(id, done.id, 'check.html')} download>
            {t.health.download}
          </a>
        )}
        {!isEmpty && done && start}
      </PageHeader>
      {problem}
      {running.data && running.data.state !== 'done' && (
        <div className="health-job">
          <JobProgress job={running.data} />
        </div>
      )}
      {isEmpty && (
        <EmptyState icon="health" title={t.health.empty.title} text={t.health.empty.text}>
          <a className="button button-primary" href={pageLink(id, 'annotate')}>
            {t.health.empty.action}
          </a>
        </EmptyState>
      )}
      {!isEmpty && !done && !isRunning && (
        <EmptyState icon="health" title={t.health.first.title} text={t.health.first.text}>
          {start}
        </EmptyState>
      )}
      {report.error && <Problem error={report.error} />}
      {found && done && !isRunning && <Outdated check={done} />}
      {found && done && <Report key={done.id} report={found} />}
    </div>
  );
}

/** A newer version is what a check is for; another template makes the report wrong. */
const LOOKS = { template: 'warning', version: 'quiet' } as const;

/** That the report is of another template or of an earlier dataset version. */
function Outdated({ check }: { readonly check: JobOut }) {
  const template = useTemplate().data;
  const versions = useVersions().data;
  if (template === undefined || !versions) return null;
  const changed = changedSince(check.params, {
    template: template?.id ?? null,
    version: versions[0]?.id ?? null,
  });
  if (!changed) return null;
  return (
    <p className={`${LOOKS[changed]} health-outdated`} role="note">
      {t.health.outdated[changed]}
    </p>
  );
}

function aboutOf({ dataset }: CheckReport, job: JobOut | undefined): string {
  const date = t.common.date(job?.finished_s ?? 0);
  return t.health.about(date, dataset.normals, dataset.test_good, dataset.test_bad);
}

type StartButtonProps = {
  readonly isAgain: boolean;
  readonly isRunning: boolean;
  readonly onStart: (jobId: string) => void;
};

/** Engineers freeze what is labelled now; a quality manager checks the newest version. */
function StartButton({ isAgain, isRunning, onStart }: StartButtonProps) {
  const mayFreeze = useMay('engineer');
  const mayCheck = useMay('upload');
  const versions = useVersions();
  const start = useStart();
  const newest = versions.data?.[0]?.id ?? null;
  const isAllowed = mayFreeze || (mayCheck && newest !== null);
  return (
    <>
      <Button
        look={isAgain ? 'plain' : 'primary'}
        icon="health"
        disabled={!isAllowed || isRunning || start.isPending}
        title={isAllowed ? undefined : t.health.mayNot}
        onClick={() =>
          start.mutate(
            { kind: 'check', versionId: mayFreeze ? null : newest },
            { onSuccess: (job) => onStart(job.id) },
          )
        }
      >
        {start.isPending ? t.health.starting : isAgain ? t.health.again : t.health.start}
      </Button>
      {start.error && <Problem error={start.error} />}
    </>
  );
}
