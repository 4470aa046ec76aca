/** What goes into a report, its title and the roles that sign. */

import { useState } from 'react';
import type { ModelOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { ChoiceField, TextField } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { useJobs, useSubmit } from '../../data/jobs';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import { useVersionChoice, VersionField } from './choices';
import { candidates, MEASURED, PART_NAMES, type PartName } from './payloads';
import { madeWords } from './Studies';

const texts = t.quality.report;
const OUT = '';

export function ReportForm({ model }: { readonly model: ModelOut }) {
  const { name } = useProject();
  const { versions, version, choose } = useVersionChoice();
  const jobs = useJobs();
  const [title, setTitle] = useState('');
  const [roles, setRoles] = useState(texts.defaultRoles);
  const [chosen, setChosen] = useState<Partial<Record<PartName, string>>>({});
  const submit = useSubmit();
  if (!version) return null;
  const optionsOf = (part: PartName) => candidates(jobs.data ?? [], part, model.id, version.id);
  const choiceOf = (part: PartName): string => {
    const options = optionsOf(part);
    const wanted = chosen[part] ?? options[0]?.id ?? OUT;
    return options.some((job) => job.id === wanted) ? wanted : OUT;
  };
  const make = () => {
    const parts = PART_NAMES.map((part) => [part, choiceOf(part)] as const);
    const named = roles
      .split(',')
      .map((role) => role.trim())
      .filter(Boolean);
    submit.mutate({
      kind: 'report',
      model_id: model.id,
      version_id: version.id,
      settings: {
        ...(title.trim() && { title: title.trim() }),
        ...(named.length > 0 && { roles: named }),
        parts: Object.fromEntries(parts.filter(([, job]) => job !== OUT)),
      },
    });
  };
  return (
    <section className="study-form" aria-label={t.quality.tabs.report}>
      <div className="study-fields">
        <VersionField versions={versions} value={version.id} onChange={choose} />
        <TextField
          label={texts.title}
          hint={`${texts.titleHint} (${name})`}
          value={title}
          onChange={setTitle}
        />
        <TextField label={texts.roles} hint={texts.rolesHint} value={roles} onChange={setRoles} />
      </div>
      <fieldset>
        <legend className="study-legend">{texts.parts}</legend>
        <div className="study-fields">
          {PART_NAMES.map((part) => (
            <PartField
              key={part}
              part={part}
              options={optionsOf(part).map((job) => [job.id, madeWords(job)])}
              value={choiceOf(part)}
              onChange={(job) => setChosen({ ...chosen, [part]: job })}
            />
          ))}
        </div>
      </fieldset>
      {submit.error && <Problem error={submit.error} />}
      <div className="tab-actions">
        <Button look="primary" disabled={submit.isPending} onClick={make}>
          {texts.make}
        </Button>
      </div>
    </section>
  );
}

type PartFieldProps = {
  readonly part: PartName;
  readonly options: readonly (readonly [id: string, name: string])[];
  readonly value: string;
  readonly onChange: (job: string) => void;
};

/** Without a job the server measures some parts by itself and leaves the others out. */
function PartField({ part, options, value, onChange }: PartFieldProps) {
  const isMeasured = MEASURED.includes(part);
  if (options.length === 0 && !isMeasured)
    return (
      <div className="field">
        <span className="part-name">{texts.partNames[part]}</span>
        <p className="part-missing">{texts.noneDone}</p>
      </div>
    );
  return (
    <ChoiceField
      label={texts.partNames[part]}
      value={value}
      options={[...options.map(([id]) => id), OUT]}
      names={{ ...Object.fromEntries(options), [OUT]: isMeasured ? texts.measure : texts.leaveOut }}
      onChange={onChange}
    />
  );
}
