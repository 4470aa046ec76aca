/** How well a model does, and where its thresholds lie. */

import { useEffect, useState } from 'react';
import type { JobOut, ModelOut, VersionOut } from '../../api/schema';
import { EmptyState } from '../../components/EmptyState';
import { ChoiceField } from '../../components/Field';
import { PageHeader } from '../../components/PageHeader';
import { Problem } from '../../components/Problem';
import { useJobs } from '../../data/jobs';
import { pageLink } from '../../data/links';
import { useModels, useVersions } from '../../data/models';
import { useProject } from '../../data/projects';
import { useRest } from '../../data/route';
import { t } from '../../texts';
import { ModelEvaluation } from './ModelEvaluation';
import './evaluate.css';

export default function EvaluatePage() {
  const { id } = useProject();
  const models = useModels();
  const versions = useVersions();
  const jobs = useJobs();
  const broken = [models, versions, jobs].find((query) => query.error);
  const problem = broken && <Problem error={broken.error} onRetry={() => void broken.refetch()} />;
  if (!models.data || !versions.data || !jobs.data)
    return problem ?? <p className="loading">{t.app.loading}</p>;
  if (models.data.length === 0)
    return (
      <div className="page">
        <PageHeader title={t.nav.evaluate} />
        <EmptyState icon="evaluate" title={t.evaluate.empty.title} text={t.evaluate.empty.text}>
          <a className="button button-primary" href={pageLink(id, 'train')}>
            {t.evaluate.empty.action}
          </a>
        </EmptyState>
      </div>
    );
  return (
    <>
      {problem}
      <Chosen models={models.data} versions={versions.data} jobs={jobs.data} />
    </>
  );
}

type ChosenProps = {
  readonly models: readonly ModelOut[];
  readonly versions: readonly VersionOut[];
  readonly jobs: readonly JobOut[];
};

/** The model that the address names, else the latest; the newest version. Both stay when a training
 * brings another: thresholds may be half dragged, an evaluation under way. */
function Chosen({ models, versions, jobs }: ChosenProps) {
  const { id: projectId } = useProject();
  const [[modelId], go] = useRest();
  const [versionId, setVersionId] = useState(versions[0]?.id ?? null);
  const model = models.find((one) => one.id === modelId) ?? models[0];
  const shownId = model?.id;
  useEffect(() => {
    if (!modelId && shownId) location.replace(pageLink(projectId, 'evaluate', shownId));
  }, [projectId, modelId, shownId]);
  const version = versions.find((one) => one.id === versionId) ?? versions[0];
  if (!model || !version) return null;
  const choices = (
    <div className="evaluate-choices">
      <ChoiceField
        label={t.evaluate.model}
        value={model.id}
        options={models.map((one) => one.id)}
        names={Object.fromEntries(
          models.map((one) => [
            one.id,
            t.evaluate.modelName(one.number, one.approved ? t.train.models.inUse : ''),
          ]),
        )}
        onChange={(id) => go(id)}
      />
      <ChoiceField
        label={t.evaluate.version}
        value={version.id}
        options={versions.map((one) => one.id)}
        names={Object.fromEntries(
          versions.map((one, i) => [
            one.id,
            t.evaluate.versionName(versions.length - i, one.test_good, one.test_bad),
          ]),
        )}
        onChange={setVersionId}
      />
    </div>
  );
  return (
    <ModelEvaluation
      key={`${model.id} ${version.id}`}
      {...{ model, models, version, jobs, choices }}
      onModel={(id) => go(id)}
    />
  );
}
