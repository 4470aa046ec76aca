/** From labelled images to models. */

import { EmptyState } from '../../components/EmptyState';
import { PageHeader } from '../../components/PageHeader';
import { Problem } from '../../components/Problem';
import { isOpen, useJobs } from '../../data/jobs';
import { pageLink } from '../../data/links';
import { useModels, useVersions } from '../../data/models';
import { useProject } from '../../data/projects';
import { useSummary } from '../../data/summary';
import { t } from '../../texts';
import { FailedJobs } from './FailedJobs';
import { ModelList } from './ModelList';
import { RunningJob } from './RunningJob';
import { StartForm } from './StartForm';
import './train.css';

export default function TrainPage() {
  const { id } = useProject();
  const summary = useSummary(id);
  const versions = useVersions();
  const models = useModels();
  const jobs = useJobs();
  const broken = [summary, versions, models, jobs].find((query) => query.error);
  const fits = (jobs.data ?? []).filter((job) => job.kind === 'fit');
  const running = fits.filter(isOpen);
  const problem = broken && <Problem error={broken.error} onRetry={() => void broken.refetch()} />;
  if (!summary.data || !versions.data || !models.data || !jobs.data)
    return problem ?? <p className="loading">{t.app.loading}</p>;
  const isEmpty = summary.data.ok + summary.data.ng === 0 && versions.data.length === 0;
  return (
    <div className="page">
      <PageHeader title={t.nav.train} about={t.train.about} />
      {problem}
      {isEmpty ? (
        <EmptyState icon="train" title={t.train.empty.title} text={t.train.empty.text}>
          <a className="button button-primary" href={pageLink(id, 'annotate')}>
            {t.train.empty.action}
          </a>
        </EmptyState>
      ) : (
        <div className="page-body train">
          <StartForm summary={summary.data} versions={versions.data} />
          <div className="train-results">
            {running.map((job) => (
              <RunningJob key={job.id} jobId={job.id} />
            ))}
            <ModelList models={models.data} versions={versions.data} jobs={fits} />
            <FailedJobs jobs={fits} />
          </div>
        </div>
      )}
    </div>
  );
}
