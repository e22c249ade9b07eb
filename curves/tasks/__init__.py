"""What models are asked: benchmarks as lists of questions with one right answer each, and how they are put."""

from curves.tasks.benchmarks import KINDS, Question, Task, load_task

__all__ = ["KINDS", "Question", "Task", "load_task"]
