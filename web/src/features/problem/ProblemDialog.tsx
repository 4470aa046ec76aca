/** What is asked of the inspection of a project. */

import { useState } from 'react';
import type { ProjectOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { ChoiceField, NumberField, TextField } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import { useChangeProject } from '../../data/projects';
import { useMay } from '../../data/session';
import { t } from '../../texts';
import { DefectLines, HarmlessLines } from './Catalogue';
import {
  type Answers,
  COSTS,
  COUNTS,
  type Form,
  fromPercent,
  IMAGING,
  KINDS,
  LINE,
  type NumberAnswer,
  RATES,
  readProblem,
  TASKS,
  toPercent,
  writeProblem,
} from './problem';
import './problem.css';

const texts = t.problem;

const textOf = (form: Form): string => JSON.stringify(writeProblem(form));

type ProblemDialogProps = { readonly project: ProjectOut; readonly onClose: () => void };

export default function ProblemDialog({ project, onClose }: ProblemDialogProps) {
  const [form, setFormOnly] = useState(() => readProblem(project.problem));
  const mayChange = useMay('engineer');
  const change = useChangeProject(project.id);
  const notify = useNotify();
  const [isLeaving, setIsLeaving] = useState(false);
  const setForm = (next: Form) => {
    setFormOnly(next);
    setIsLeaving(false);
  };
  const isChanged = textOf(form) !== textOf(readProblem(project.problem));
  const leave = () => (isChanged && !isLeaving ? setIsLeaving(true) : onClose());
  const save = async () => {
    const done = await change.mutateAsync({ problem: writeProblem(form) }).catch(() => null);
    if (!done) return; // the dialog shows the error
    notify(texts.saved, 'good');
    onClose();
  };
  return (
    <Dialog
      title={`${texts.title}: ${project.name}`}
      onClose={leave}
      isWide
      actions={
        mayChange ? (
          <>
            {isLeaving && <p role="alert">{texts.unsaved}</p>}
            <Button look={isLeaving ? 'danger' : 'plain'} onClick={leave}>
              {isLeaving ? texts.drop : t.common.cancel}
            </Button>
            <Button look="primary" disabled={change.isPending} onClick={() => void save()}>
              {t.common.save}
            </Button>
          </>
        ) : undefined
      }
    >
      <p className="problem-about">{mayChange ? texts.about : texts.readOnly}</p>
      <fieldset className="problem-form" disabled={!mayChange}>
        <Questions
          answers={form.answers}
          onChange={(more) => setForm({ ...form, answers: { ...form.answers, ...more } })}
        />
        <Lines form={form} onChange={setForm} />
      </fieldset>
      {change.error && <Problem error={change.error} />}
    </Dialog>
  );
}

function Lines(props: { readonly form: Form; readonly onChange: (form: Form) => void }) {
  const { form, onChange } = props;
  return (
    <>
      <fieldset>
        <legend>{texts.groups.defects}</legend>
        <DefectLines lines={form.defects} onChange={(defects) => onChange({ ...form, defects })} />
      </fieldset>
      <fieldset>
        <legend>{texts.groups.harmless}</legend>
        <HarmlessLines
          lines={form.harmless}
          onChange={(harmless) => onChange({ ...form, harmless })}
        />
      </fieldset>
    </>
  );
}

type QuestionsProps = {
  readonly answers: Answers;
  readonly onChange: (more: Partial<Answers>) => void;
};

function Questions({ answers, onChange }: QuestionsProps) {
  const number = (name: NumberAnswer) => (
    <NumberField
      key={name}
      isOptional
      label={texts.labels[name]}
      hint={texts.hints[name]}
      value={answers[name]}
      onChange={(value) => onChange({ [name]: value })}
    />
  );
  const share = (name: (typeof RATES)[number]) => (
    <NumberField
      key={name}
      isOptional
      label={texts.labels[name]}
      hint={texts.hints[name]}
      value={toPercent(answers[name])}
      onChange={(value) => onChange({ [name]: fromPercent(value) })}
    />
  );
  return (
    <>
      <fieldset className="problem-grid">
        <legend>{texts.groups.costs}</legend>
        {COSTS.map(number)}
        <TextField
          label={texts.labels.currency}
          hint={texts.hints.currency}
          value={answers.currency}
          onChange={(currency) => onChange({ currency })}
        />
      </fieldset>
      <fieldset className="problem-grid">
        <legend>{texts.groups.find}</legend>
        <ChoiceField
          label={texts.labels.task}
          hint={texts.hints.task}
          value={answers.task}
          options={TASKS}
          names={texts.task}
          onChange={(task) => onChange({ task })}
        />
        {number('smallest_defect')}
        <ChoiceField
          label={texts.labels.kind}
          hint={texts.hints.kind}
          value={answers.kind}
          options={KINDS}
          names={texts.kind}
          onChange={(kind) => onChange({ kind })}
        />
      </fieldset>
      <fieldset className="problem-grid">
        <legend>{texts.groups.often}</legend>
        {RATES.map(share)}
      </fieldset>
      <fieldset className="problem-grid">
        <legend>{texts.groups.images}</legend>
        {COUNTS.map(number)}
        <ChoiceField
          label={texts.labels.imaging}
          hint={texts.hints.imaging}
          value={answers.imaging}
          options={IMAGING}
          names={texts.imaging}
          onChange={(imaging) => onChange({ imaging })}
        />
      </fieldset>
      <fieldset className="problem-grid">
        <legend>{texts.groups.line}</legend>
        {LINE.map(number)}
      </fieldset>
    </>
  );
}
