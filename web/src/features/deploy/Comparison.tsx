import { useState } from 'react';
import type { ModelOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { ChoiceField } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { isOpen, useJob, useJobs, useSubmit } from '../../data/jobs';
import { useVersions } from '../../data/models';
import { useProject } from '../../data/projects';
import { jobFileUrl } from '../../data/results';
import { t } from '../../texts';
import { JobProgress } from '../jobs/JobProgress';
import { type Compared, comparedOf, comparisonOf } from './approval';

const TONES = { not_worse: 'enough', worse: 'missed', undecided: 'short' } as const;

/** The latest comparison of a model with the one in use; null as long as there is none. */
export function useComparison(model: ModelOut, inUse: ModelOut | null) {
  const jobs = useJobs();
  const latest = comparisonOf(jobs.data ?? [], model, inUse);
  const job = useJob(latest?.id ?? null).data ?? null;
  return { job, compared: comparedOf(job) };
}

type ComparisonProps = {
  readonly model: ModelOut;
  readonly inUse: ModelOut;
  readonly found: ReturnType<typeof useComparison>;
};

/** What the comparison says in its words, or the way to one. */
export function Comparison({ model, inUse, found }: ComparisonProps) {
  const { id } = useProject();
  const { job, compared } = found;
  const texts = t.deploy.dialog;
  return (
    <section className="comparison" aria-label={texts.compared(inUse.number)}>
      <h3>{texts.compared(inUse.number)}</h3>
      {!job && <p>{texts.noneYet(inUse.number)}</p>}
      {job && !compared && <JobProgress job={job} />}
      {compared && <Said compared={compared} />}
      {compared && job && (
        <a href={jobFileUrl(id, job.id, 'compare.pdf')} download>
          {texts.report}
        </a>
      )}
      {(!job || !isOpen(job)) && (
        <StartComparison model={model} inUse={inUse} isFirst={compared === null} />
      )}
    </section>
  );
}

function Said({ compared }: { readonly compared: Compared }) {
  const texts = t.deploy.compare;
  return (
    <div className="comparison-said" role="status">
      <span className={`badge badge-${TONES[compared.decision]}`}>
        {texts.decisions[compared.decision]}
      </span>
      {compared.words.map((words) => (
        <p key={words}>{words}</p>
      ))}
      {compared.flips > 0 && <p>{texts.flips(compared.flips)}</p>}
      {compared.leftOut > 0 && <p>{texts.leftOut(compared.leftOut)}</p>}
      {compared.notes.map((note) => (
        <p key={note} className="field-hint">
          {note}
        </p>
      ))}
    </div>
  );
}

type StartProps = {
  readonly model: ModelOut;
  readonly inUse: ModelOut;
  readonly isFirst: boolean;
};

function StartComparison({ model, inUse, isFirst }: StartProps) {
  const versions = useVersions().data;
  const submit = useSubmit();
  const [chosen, setChosen] = useState<string | null>(null);
  const texts = t.deploy.dialog;
  if (!versions) return null;
  const usual = versions.find((one) => one.test_good + one.test_bad > 0) ?? versions[0];
  const version = chosen ?? usual?.id;
  if (!version) return <p className="field-hint">{texts.noVersion}</p>;
  const names: Record<string, string> = {};
  for (const one of versions)
    names[one.id] = texts.versionName(t.common.date(one.created_s), one.test_good, one.test_bad);
  return (
    <div className="comparison-start">
      <ChoiceField
        label={texts.version}
        value={version}
        options={versions.map((one) => one.id)}
        names={names}
        onChange={setChosen}
      />
      <Button
        disabled={submit.isPending}
        onClick={() =>
          submit.mutate({
            kind: 'compare',
            version_id: version,
            model_id: model.id,
            other_model_id: inUse.id,
            settings: {},
          })
        }
      >
        {isFirst ? texts.compare : texts.again}
      </Button>
      {submit.error && <Problem error={submit.error} />}
    </div>
  );
}
