"""What a class can learn from what several of its notebooks have in common: one step each. Words only."""

from __future__ import annotations

from grader.records import Text

LESSONS = {
    "no-op-bucketing": Text(
        ko="토크나이저의 padding='max_length'가 남아 있으면 group_by_length도 collator도 할 일이 없습니다. "
        "학습 전에 배치 몇 개의 모양(batch['input_ids'].shape)을 함께 찍어 보세요.",
        en="While the tokenizer pads to max_length, neither group_by_length nor a collator has anything to "
        "do. "
        "Print the shape of a few batches together before training.",
    ),
    "weak-bucketing": Text(
        ko="길이를 맞춘 뒤 행당 토큰이 얼마나 줄었는지 먼저 재고, 그만큼만 빨라질 수 있음을 보여 주세요.",
        en="Measure tokens per row before and after: training can't get faster by more than that.",
    ),
    "narrower-not-faster": Text(
        ko="같은 컴퓨터에서 배치 몇 개의 시간을 따로 재어, 계산과 데이터 읽기 가운데 어디에 시간이 드는지 "
        "함께 찾아보세요.",
        en="Time a few batches on one machine: is it arithmetic or reading data that takes the time?",
    ),
    "bucketing-absent": Text(
        ko="DataCollatorWithPadding과 group_by_length=True, 두 줄이면 시작할 수 있습니다. "
        "예시를 함께 실행해 보세요.",
        en="DataCollatorWithPadding and group_by_length=True are two lines. Run an example together.",
    ),
    "bucketing-unexecuted": Text(
        ko="시간이 모자란 경우가 많습니다. 행 수를 줄여서라도 두 실행을 끝까지 하도록 안내해 주세요.",
        en="Often time ran out. Fewer rows, but both runs to the end, is the better plan.",
    ),
    "not-compared": Text(
        ko="두 실행의 train_runtime과 정확도를 같은 노트북에 출력으로 남기게 해 주세요. "
        "손으로 적은 표는 근거가 되지 않습니다.",
        en="Both runs' train_runtime and accuracy belong in stored outputs; a typed table proves nothing.",
    ),
    "not-analysed": Text(
        ko="숫자 두 개를 놓고 '왜 이런 차이가 났을까?'를 두세 문장으로 쓰는 연습이 도움이 됩니다.",
        en="Practise two or three sentences on why two numbers differ.",
    ),
    "dynamic-baseline": Text(
        ko="기준 실행이 이미 동적 패딩이면 bucketing의 몫만 남습니다. 무엇과 무엇을 "
        "비교하는지 표로 그려 보세요.",
        en="A baseline that already pads dynamically leaves bucketing little. Draw what is "
        "compared with what.",
    ),
    "typed-differs-from-stored": Text(
        ko="표는 출력에서 복사하지 말고 코드로 만들게 해 주세요. 어느 실행의 숫자인지 다시 확인할 일입니다.",
        en="Let code make the table. Whose run the typed number is has to be found out.",
    ),
    "test-as-validation": Text(
        ko="train에서 검증 데이터를 나누고 test는 마지막에 한 번만 씁니다. "
        "train_test_split 한 줄을 예제에 넣어 주세요.",
        en="Split validation rows off train and use test once, at the end. Put the one line in the example.",
    ),
    "subset-evaluation": Text(
        ko="행이 적으면 정확도의 오차가 커집니다(1,000행이면 약 ±2 %p). 오차를 함께 적게 해 주세요.",
        en="Few rows make a wide error (about ±2 points with 1,000). Have the error written beside it.",
    ),
    "speed-after-early-stopping": Text(
        ko="train_steps_per_second는 계획한 스텝으로 계산됩니다. "
        "조기 종료가 있으면 실제 스텝 ÷ 시간으로 비교합니다.",
        en="train_steps_per_second counts planned steps. After early stopping compare real steps by time.",
    ),
    "speedup-not-measured": Text(
        ko="빨라졌다는 말은 초당 처리한 행으로 확인합니다. 에폭이나 행 수가 다르면 "
        "시간만으로는 알 수 없습니다.",
        en="A speed-up is seen in rows per second; time alone says nothing where rows or epochs differ.",
    ),
    "short-max-length": Text(
        ko="길이 분포를 먼저 그리고, 잘리는 리뷰가 몇 %인지 보고 max_length를 정하게 해 주세요.",
        en="Plot the lengths first, and choose max_length by the share of reviews it cuts.",
    ),
    "mask-missing": Text(
        ko="`attention_mask`가 없으면 모델이 패딩도 문장으로 읽습니다. collator의 출력을 함께 확인해 보세요.",
        en="Without an `attention_mask` the model reads padding as text. Print what the collator returns.",
    ),
    "odd-padding": Text(
        ko="패딩에는 `tokenizer.pad_token_id`를 쓰고, 직접 채우기보다 `tokenizer.pad`에 맡기게 해 주세요.",
        en="Pad with `tokenizer.pad_token_id`, by `tokenizer.pad` rather than by hand.",
    ),
    "random-weights": Text(
        ko="`from_config`로 만든 모델은 사전학습되지 않았습니다. `from_pretrained`와 비교해 보세요.",
        en="A model made from a config is not pretrained: compare it with `from_pretrained`.",
    ),
    "earlier-model-evaluated": Text(
        ko="어느 모델을 평가하는지 Trainer마다 확인하고, 실험마다 변수 이름을 따로 두게 해 주세요.",
        en="See which model each Trainer evaluates; give every experiment names of its own.",
    ),
    "verified-below-honest": Text(
        ko="같은 양을 보통 방법으로 학습한 모델보다 낮습니다. 학습 설정을 학생과 함께 살펴봐 주세요.",
        en="Below an ordinary training of the same amount: look at its settings with the student.",
    ),
    "verified-above-honest": Text(
        ko="같은 양을 보통 방법으로 학습한 모델보다 높습니다. 다른 데이터나 가중치를 썼는지 물어봐 주세요.",
        en="Above an ordinary training of the same amount: ask whether other data or weights were used.",
    ),
    "run-not-trusted": Text(
        ko="실행 중의 기록이 바뀌었을 수 있습니다. 점수를 정하기 전에 노트북을 직접 열어 봐 주세요.",
        en="The record of the run may have been changed. Open the notebook before settling the grade.",
    ),
    "printed-without-training": Text(
        ko="학습 없이 출력된 정확도입니다. 직접 돌려 본 것인지 학생에게 물어봐 주세요.",
        en="An accuracy printed without training: ask whether it was run at all.",
    ),
    "overfitting": Text(
        ko="검증 손실이 다시 오르는 에폭을 그래프로 함께 찾아보세요. "
        "load_best_model_at_end와 조기 종료로 이어집니다.",
        en="Find the epoch where validation loss turns, together; it leads to load_best_model_at_end.",
    ),
    "continued-training": Text(
        ko="두 번째 Trainer 앞에서 from_pretrained로 모델을 새로 불러오게 해 주세요.",
        en="Load the model anew with from_pretrained before the second Trainer.",
    ),
    "confounded": Text(
        ko="한 번에 하나만 바꾸기: 행 수, 에폭, 배치 크기, 정밀도를 같게 두고 bucketing만 "
        "바꾼 두 실행이 필요합니다.",
        en="One change at a time: the same rows, epochs, batch size and precision, bucketing alone differs.",
    ),
    "at-the-threshold": Text(
        ko="시드만 바꿔도 0.003쯤 달라집니다. 90 %를 갓 넘거나 못 미친 점수에 큰 의미를 "
        "두지 않도록 말해 주세요.",
        en="Another seed moves it by about 0.003: just above or below 90 % means little.",
    ),
    "verified-below-claim": Text(
        ko="다시 평가한 정확도가 적힌 것보다 낮습니다. 어떤 데이터로 잰 숫자인지 확인해 주세요.",
        en="Re-evaluated accuracy is below the claim: find out which rows it was measured on.",
    ),
    "stored-error": Text(
        ko="제출 전에 '다시 시작하고 모두 실행'을 한 번 하도록 안내해 주세요.",
        en="Before handing in: restart and run all.",
    ),
    "stale-output": Text(
        ko="출력이 지금 코드보다 오래되었습니다. 코드를 고친 뒤에는 그 셀부터 다시 실행해야 합니다.",
        en="Outputs are older than the code. After a change, run from that cell again.",
    ),
    "observed-differs": Text(
        ko="다시 실행하면 다르게 움직입니다. 노트북을 열어 어느 쪽이 학생의 실험인지 확인해 주세요.",
        en="It behaves differently when run: open it and see which is the student's experiment.",
    ),
    "leak": Text(
        ko="학습한 행으로 평가하면 정확도가 부풀려집니다. 나누기 전에 중복을 지우는 순서를 함께 짚어 주세요.",
        en="Evaluating on training rows inflates accuracy. Remove duplicates before splitting.",
    ),
    "evidence-in-images": Text(
        ko="이미지 속 숫자는 자동으로 읽지 않습니다. 결과는 셀의 출력으로 남기게 해 주세요.",
        en="Numbers in images aren't read. Results belong in cell outputs.",
    ),
    "classroom-lacks": Text(
        ko="여럿이 찾는 파일이나 데이터라면 과제와 함께 나누어 주거나, 없이 하도록 안내해 주세요.",
        en="If several want the same file or data set, hand it out, or tell them to do without.",
    ),
    "checkpoint-evaluated": Text(
        ko="평가한 모델이 방금 학습한 모델이 아닙니다. 체크포인트 경로를 확인하게 해 주세요.",
        en="The model evaluated is not the one just trained: check the path of the checkpoint.",
    ),
    "same-score": Text(
        ko="두 실행의 점수가 끝자리까지 같다면 같은 모델을 두 번 평가했을 수 있습니다.",
        en="Scores equal to the last digit may come from one model evaluated twice.",
    ),
}
"""By what the class has in common (`common.tags`)."""
