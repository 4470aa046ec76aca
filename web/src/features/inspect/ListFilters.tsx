import { ChoiceField, TextField } from '../../components/Field';
import { useModels } from '../../data/models';
import { t } from '../../texts';
import { JUDGED_CHOICES, type ListFilter, TIME_CHOICES, VERDICT_CHOICES } from './filters';

type ListFiltersProps = {
  readonly filter: ListFilter;
  readonly onChange: (filter: ListFilter) => void;
};

export function ListFilters({ filter, onChange }: ListFiltersProps) {
  const texts = t.inspect.list;
  const models = useModels().data ?? [];
  const names: Record<string, string> = { '': texts.anyModel };
  for (const model of models) names[model.id] = texts.modelName(model.number);
  return (
    <search className="list-filters" aria-label={texts.filters}>
      <ChoiceField
        label={texts.verdict}
        value={filter.verdict}
        options={VERDICT_CHOICES}
        names={texts.verdicts}
        onChange={(verdict) => onChange({ ...filter, verdict })}
      />
      <ChoiceField
        label={texts.judged}
        value={filter.judged}
        options={JUDGED_CHOICES}
        names={texts.judgeds}
        onChange={(judged) => onChange({ ...filter, judged })}
      />
      <ChoiceField
        label={texts.time}
        value={filter.time}
        options={TIME_CHOICES}
        names={texts.times}
        onChange={(time) => onChange({ ...filter, time })}
      />
      <TextField
        isSearch
        label={texts.part}
        value={filter.part}
        onChange={(part) => onChange({ ...filter, part: part.trim() })}
      />
      <TextField
        isSearch
        label={texts.line}
        value={filter.line}
        onChange={(line) => onChange({ ...filter, line: line.trim() })}
      />
      <ChoiceField
        label={texts.model}
        value={filter.model}
        options={['', ...models.map((model) => model.id)]}
        names={names}
        onChange={(model) => onChange({ ...filter, model })}
      />
    </search>
  );
}
