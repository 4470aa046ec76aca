/** Meaning and password: a signature. */

import { type FormEvent, useState } from 'react';
import type { ModelOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { ChoiceField, TextField } from '../../components/Field';
import { PasswordField } from '../../components/PasswordField';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import { useJobs } from '../../data/jobs';
import { useSign } from '../../data/quality';
import { t } from '../../texts';
import { madeWords, titleOf } from './Studies';

const texts = t.quality.signatures;
const OTHER = '';
const NO_REPORT = '';

export function SignForm({ model }: { readonly model: ModelOut }) {
  const [meaning, setMeaning] = useState(texts.meanings[0] ?? OTHER);
  const [words, setWords] = useState('');
  const [report, setReport] = useState(NO_REPORT);
  const [password, setPassword] = useState('');
  const jobs = useJobs();
  const sign = useSign(model.id);
  const notify = useNotify();
  const reports = (jobs.data ?? []).filter(
    (job) => job.kind === 'report' && job.state === 'done' && job.params.model_id === model.id,
  );
  const said = meaning === OTHER ? words.trim() : meaning;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    sign.mutate(
      { meaning: said, password, ...(report !== NO_REPORT && { report_job_id: report }) },
      { onSuccess: () => notify(texts.signed, 'good'), onSettled: () => setPassword('') },
    );
  };
  return (
    <form className="study-form" aria-label={texts.sign} onSubmit={submit}>
      <div className="study-fields sign-fields">
        <ChoiceField
          label={texts.meaning}
          value={meaning}
          options={[...texts.meanings, OTHER]}
          names={{
            ...Object.fromEntries(texts.meanings.map((one) => [one, one])),
            [OTHER]: texts.other,
          }}
          onChange={setMeaning}
        />
        {meaning === OTHER && <TextField label={texts.words} value={words} onChange={setWords} />}
        {reports.length > 0 && (
          <ChoiceField
            label={texts.report}
            value={report}
            options={[NO_REPORT, ...reports.map((job) => job.id)]}
            names={{
              ...Object.fromEntries(
                reports.map((job) => [job.id, texts.reportName(titleOf(job), madeWords(job))]),
              ),
              [NO_REPORT]: texts.noReport,
            }}
            onChange={setReport}
          />
        )}
        <PasswordField
          label={texts.password}
          hint={texts.passwordHint}
          value={password}
          onChange={setPassword}
        />
      </div>
      {sign.error && <Problem error={sign.error} />}
      <div className="tab-actions">
        <Button
          type="submit"
          look="primary"
          disabled={sign.isPending || password === '' || said === ''}
        >
          {texts.sign}
        </Button>
      </div>
    </form>
  );
}
