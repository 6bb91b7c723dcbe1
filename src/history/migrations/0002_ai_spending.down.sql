DROP TABLE ai_months;
DROP TABLE ai_calls;
