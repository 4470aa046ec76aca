/** The study of the probability of detection. */

import { useState } from 'react';
import { Button } from '../../components/Button';
import { NumberField } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { useSubmit } from '../../data/jobs';
import { useMay } from '../../data/session';
import { t } from '../../texts';
import { ModelField, NoModel, useModelChoice, useVersionChoice, VersionField } from './choices';
import { PodResult } from './PodResult';
import type { PodPayload } from './payloads';
import { Studies } from './Studies';

const texts = t.quality.pod;
const MINUTES = 2.5;

export function PodTab() {
  const mayStudy = useMay('study');
  const { model } = useModelChoice();
  if (model === null) return <NoModel />;
  return (
    <div className="tab-body">
      <p className="tab-about">{texts.about}</p>
      {mayStudy ? <PodForm /> : <p className="tab-about">{t.quality.notAllowed}</p>}
      <Studies kind="pod" none={texts.none}>
        {(job) => <PodResult key={job.id} found={job.result as unknown as PodPayload} />}
      </Studies>
    </div>
  );
}

function PodForm() {
  const { models, model, choose } = useModelChoice();
  const { versions, version, choose: chooseVersion } = useVersionChoice();
  const [minutes, setMinutes] = useState(MINUTES);
  const submit = useSubmit();
  if (!model || !version) return null;
  const start = () =>
    submit.mutate({
      kind: 'pod',
      model_id: model.id,
      version_id: version.id,
      settings: { minutes },
    });
  return (
    <section className="study-form" aria-label={t.quality.tabs.pod}>
      <div className="study-fields">
        <ModelField models={models} value={model.id} onChange={choose} />
        <VersionField versions={versions} value={version.id} onChange={chooseVersion} />
        <NumberField
          label={texts.minutes}
          hint={texts.minutesHint}
          value={minutes}
          onChange={(value) => {
            if (value !== null && value >= 0.1 && value <= 120) setMinutes(value);
          }}
        />
      </div>
      {submit.error && <Problem error={submit.error} />}
      <div className="tab-actions">
        <Button look="primary" disabled={submit.isPending} onClick={start}>
          {t.quality.studies.start}
        </Button>
      </div>
    </section>
  );
}
