/** What the thresholds cost, and the step to the cheapest ones. */

import { useState } from 'react';
import type { ModelOut, VersionOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { TextField } from '../../components/Field';
import { useMay } from '../../data/session';
import { t } from '../../texts';
import { ChooseDialog } from './ChooseDialog';
import { acceptAll, type CostInput, completeCosts, rejectAll } from './costs';
import { type Counts, costPer, PER } from './decide';

type CostsPanelProps = {
  readonly costs: CostInput;
  readonly onCosts: (costs: CostInput) => void;
  readonly good: Counts;
  readonly bad: Counts;
  readonly model: ModelOut;
  readonly version: VersionOut;
  readonly onModel: (id: string) => void;
};

export function CostsPanel(props: CostsPanelProps) {
  const { costs, onCosts, good, bad, model, version, onModel } = props;
  const [isChoosing, setChoosing] = useState(false);
  const mayChoose = useMay('engineer');
  const texts = t.evaluate.costs;
  const complete = completeCosts(costs);
  const cost = complete && costPer(complete, good, bad);
  const amount = (value: number) => `${money(value)}${costs.currency && ` ${costs.currency}`}`;
  const field = (key: 'miss' | 'falseAlarm' | 'review') => (
    <AmountField
      label={texts[key]}
      value={costs[key]}
      error={texts.costError}
      isRight={(value) => value >= 0}
      onChange={(value) => onCosts({ ...costs, [key]: value })}
    />
  );
  return (
    <section className="panel" aria-label={texts.title}>
      <h2>{texts.title}</h2>
      <div className="field-pair">
        {field('miss')}
        {field('falseAlarm')}
        {field('review')}
        <AmountField
          label={texts.defectRate}
          value={costs.defectRate === null ? null : 100 * costs.defectRate}
          error={texts.defectRateError}
          isRight={(value) => value > 0 && value < 100}
          onChange={(value) => onCosts({ ...costs, defectRate: value / 100 })}
        />
      </div>
      <p className="cost-total" role="status">
        {cost === null ? texts.unknown : texts.cost(money(cost), costs.currency)}
      </p>
      {complete && (
        <p className="quiet">
          {texts.against(amount(acceptAll(complete, PER)), amount(rejectAll(complete, PER)))}
        </p>
      )}
      <Button disabled={!mayChoose || cost === null} onClick={() => setChoosing(true)}>
        {texts.choose}
      </Button>
      {isChoosing && complete && (
        <ChooseDialog
          {...{ model, version, onModel }}
          costs={complete}
          tested={good.n + bad.n}
          onClose={() => setChoosing(false)}
        />
      )}
    </section>
  );
}

const money = (value: number): string =>
  value.toLocaleString('en-GB', { maximumFractionDigits: value < 100 ? 2 : 0 });

type AmountFieldProps = {
  readonly label: string;
  readonly value: number | null;
  readonly error: string;
  readonly isRight: (value: number) => boolean;
  readonly onChange: (value: number) => void;
};

function AmountField({ label, value, error, isRight, onChange }: AmountFieldProps) {
  const [isWrong, setWrong] = useState(false);
  return (
    <TextField
      label={label}
      value={value === null ? '' : String(Number(value.toPrecision(8)))}
      inputMode="decimal"
      error={isWrong ? error : null}
      onChange={(text) => {
        const typed = text.trim() === '' ? Number.NaN : Number(text.trim().replace(',', '.'));
        const isTaken = Number.isFinite(typed) && isRight(typed);
        setWrong(!isTaken);
        if (isTaken) onChange(typed);
      }}
    />
  );
}
