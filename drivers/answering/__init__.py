"""Who answers: survey answers are not all customers, and who is asked or answers may shift from one period to the next."""
